using System.Text.Json.Serialization;

namespace Demarc.Core.Charter;

/// <summary>The 17 shared responsibilities, in the order of the published table.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TaskId>))]
public enum TaskId
{
    /// <summary>Setting up the VPC.</summary>
    [JsonStringEnumMemberName("network")] Network,

    /// <summary>Managing EC2 instances.</summary>
    [JsonStringEnumMemberName("machines")] Machines,

    /// <summary>Managing the Kubernetes cluster.</summary>
    [JsonStringEnumMemberName("cluster")] Cluster,

    /// <summary>Managing the S3 bucket.</summary>
    [JsonStringEnumMemberName("bucket")] Bucket,

    /// <summary>Provisioning Milvus instances.</summary>
    [JsonStringEnumMemberName("provision")] Provision,

    /// <summary>Upgrading Milvus instances.</summary>
    [JsonStringEnumMemberName("milvus-upgrade")] MilvusUpgrade,

    /// <summary>Patching software vulnerabilities.</summary>
    [JsonStringEnumMemberName("software-patches")] SoftwarePatches,

    /// <summary>Patching infrastructure vulnerabilities.</summary>
    [JsonStringEnumMemberName("infrastructure-patches")] InfrastructurePatches,

    /// <summary>Scaling resources.</summary>
    [JsonStringEnumMemberName("scaling")] Scaling,

    /// <summary>Managing IAM roles and service accounts.</summary>
    [JsonStringEnumMemberName("identity")] Identity,

    /// <summary>Implementing access control and audit.</summary>
    [JsonStringEnumMemberName("access")] Access,

    /// <summary>Disaster recovery.</summary>
    [JsonStringEnumMemberName("recovery")] Recovery,

    /// <summary>Service level agreement.</summary>
    [JsonStringEnumMemberName("sla")] Sla,

    /// <summary>Logging.</summary>
    [JsonStringEnumMemberName("logs")] Logs,

    /// <summary>Audit logs.</summary>
    [JsonStringEnumMemberName("audit")] Audit,

    /// <summary>Monitoring.</summary>
    [JsonStringEnumMemberName("monitoring")] Monitoring,

    /// <summary>Emergency access.</summary>
    [JsonStringEnumMemberName("emergency")] Emergency,
}

/// <summary>The five groups of the table.</summary>
public enum TaskGroup
{
    /// <summary>Cloud management.</summary>
    CloudManagement,

    /// <summary>Upgrades and security.</summary>
    UpgradesAndSecurity,

    /// <summary>Access control.</summary>
    AccessControl,

    /// <summary>Service availability.</summary>
    ServiceAvailability,

    /// <summary>Technical support.</summary>
    TechnicalSupport,
}
