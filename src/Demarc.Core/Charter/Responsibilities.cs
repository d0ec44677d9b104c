using System.Collections.Immutable;

namespace Demarc.Core.Charter;

/// <summary>One row of the responsibility table.</summary>
/// <param name="Id">Which task.</param>
/// <param name="Slug">The id as people write it, as in <c>milvus-upgrade</c>.</param>
/// <param name="Group">The group it stands in.</param>
/// <param name="DefaultOwner">Who owns it in the published table.</param>
/// <param name="English">Its name in English.</param>
/// <param name="Japanese">Its name in Japanese, word for word as published.</param>
public sealed record Responsibility(TaskId Id, string Slug, TaskGroup Group, Owner DefaultOwner, string English, string Japanese)
{
    /// <summary>1 to 17.</summary>
    public int Number => (int)Id + 1;
}

/// <summary>The responsibility table as data: rows, groups and owners exactly as in the published one.</summary>
public static class Responsibilities
{
    /// <summary>All 17, in the order of the table.</summary>
    public static ImmutableArray<Responsibility> All { get; } =
    [
        new(TaskId.Network, "network", TaskGroup.CloudManagement, Owner.Customer, "VPC setup", "VPC の設定"),
        new(TaskId.Machines, "machines", TaskGroup.CloudManagement, Owner.Vendor, "EC2 instance management", "EC2 インスタンスの管理"),
        new(TaskId.Cluster, "cluster", TaskGroup.CloudManagement, Owner.Vendor, "Kubernetes cluster management", "Kubernetes クラスターの管理"),
        new(TaskId.Bucket, "bucket", TaskGroup.CloudManagement, Owner.Customer, "S3 bucket management", "S3 バケットの管理"),
        new(TaskId.Provision, "provision", TaskGroup.CloudManagement, Owner.Vendor, "Milvus instance provisioning", "Milvus インスタンスのプロビジョニング"),
        new(TaskId.MilvusUpgrade, "milvus-upgrade", TaskGroup.UpgradesAndSecurity, Owner.Vendor, "Milvus instance upgrades", "Milvus インスタンスのアップグレード"),
        new(TaskId.SoftwarePatches, "software-patches", TaskGroup.UpgradesAndSecurity, Owner.Vendor, "Software vulnerability patches", "ソフトウェアの脆弱性パッチ適用"),
        new(TaskId.InfrastructurePatches, "infrastructure-patches", TaskGroup.UpgradesAndSecurity, Owner.Both, "Infrastructure vulnerability patches", "インフラストラクチャの脆弱性パッチ適用"),
        new(TaskId.Scaling, "scaling", TaskGroup.UpgradesAndSecurity, Owner.Both, "Resource scaling", "リソースのスケーリング"),
        new(TaskId.Identity, "identity", TaskGroup.AccessControl, Owner.Both, "IAM roles and service accounts", "IAM ロールおよびサービスアカウントの管理"),
        new(TaskId.Access, "access", TaskGroup.AccessControl, Owner.Both, "Access control and audit", "アクセス制御および監査の実装"),
        new(TaskId.Recovery, "recovery", TaskGroup.ServiceAvailability, Owner.Both, "Disaster recovery (DR)", "ディザスタリカバリー (DR)"),
        new(TaskId.Sla, "sla", TaskGroup.ServiceAvailability, Owner.Both, "Service level agreement (SLA)", "サービスレベルアグリーメント (SLA)"),
        new(TaskId.Logs, "logs", TaskGroup.TechnicalSupport, Owner.Customer, "Logging", "ログ記録"),
        new(TaskId.Audit, "audit", TaskGroup.TechnicalSupport, Owner.Both, "Audit logs", "監査ログ"),
        new(TaskId.Monitoring, "monitoring", TaskGroup.TechnicalSupport, Owner.Vendor, "Monitoring", "監視"),
        new(TaskId.Emergency, "emergency", TaskGroup.TechnicalSupport, Owner.Both, "Emergency access", "緊急アクセス"),
    ];

    /// <summary>The row of a task.</summary>
    public static Responsibility Of(TaskId task) => All[(int)task];

    /// <summary>The task of a slug, or null when there is none.</summary>
    public static TaskId? BySlug(string slug)
    {
        foreach (var row in All)
        {
            if (row.Slug == slug) return row.Id;
        }

        return null;
    }

    /// <summary>The slug of a task.</summary>
    public static string Slug(this TaskId task) => Of(task).Slug;

    /// <summary>A group's name in English and Japanese.</summary>
    public static (string English, string Japanese) Name(this TaskGroup group) => group switch
    {
        TaskGroup.CloudManagement => ("Cloud management", "クラウド管理"),
        TaskGroup.UpgradesAndSecurity => ("Upgrades and security", "アップグレードとセキュリティ"),
        TaskGroup.AccessControl => ("Access control", "アクセス制御"),
        TaskGroup.ServiceAvailability => ("Service availability", "サービス可用性"),
        TaskGroup.TechnicalSupport => ("Technical support", "技術サポート"),
    };
}
