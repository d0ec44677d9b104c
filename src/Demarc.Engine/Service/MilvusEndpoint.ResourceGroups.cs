using Demarc.Engine.Catalog;
using Demarc.Engine.Durability;
using Demarc.Engine.Errors;
using Demarc.Engine.Protocol;
using Grpc.Core;

namespace Demarc.Engine.Service;

/// <summary>
/// Resource groups of an engine of one node. Groups can be made, configured and dropped and are kept; the node stays in the
/// default group, so what would need one in another group is refused as a Milvus without a node to spare refuses it.
/// </summary>
internal sealed partial class MilvusEndpoint
{
    public override Task<Protocol.Status> CreateResourceGroup(CreateResourceGroupRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            NameRules.CheckResourceGroup(request.ResourceGroup);
            var config = request.Config ?? new ResourceGroupConfig { Requests = new ResourceGroupLimit(), Limits = new ResourceGroupLimit() };
            CheckConfig(request.ResourceGroup, config);
            if (request.ResourceGroup == DefaultResourceGroup || State.ResourceGroups.TryGetValue(request.ResourceGroup, out var known) && !known.Config.Equals(config))
            {
                throw Faults.ResourceGroupExists(request.ResourceGroup);
            }

            if (State.ResourceGroups.ContainsKey(request.ResourceGroup))
            {
                return null;
            }

            return State.ResourceGroups.Count >= Limits.ResourceGroups
                ? throw new Fault(303, $"reach resource group limit, create resource group failed[limit={Limits.ResourceGroups}]")
                : PutResourceGroup(request.ResourceGroup, config);
        });

    public override Task<Protocol.Status> UpdateResourceGroups(UpdateResourceGroupsRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            foreach (var (name, config) in request.ResourceGroups)
            {
                if (!GroupExists(name))
                {
                    throw Faults.ResourceGroupNotFound(name);
                }

                CheckConfig(name, config);
            }

            return Batch(request.ResourceGroups.Select(g => PutResourceGroup(g.Key, g.Value)));
        });

    public override Task<Protocol.Status> DropResourceGroup(DropResourceGroupRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            if (request.ResourceGroup == DefaultResourceGroup)
            {
                throw Faults.Invalid("delete default rg is not permitted");
            }

            // As in Milvus, dropping what is not there succeeds; what is still configured to have nodes is not dropped.
            if (!State.ResourceGroups.TryGetValue(request.ResourceGroup, out var group))
            {
                return null;
            }

            return group.Config.Limits?.NodeNum > 0
                ? throw Faults.Invalid($"resource group {request.ResourceGroup}'s limits node num is not 0")
                : new LogOp { DropResourceGroup = new DropResourceGroupOp { Name = request.ResourceGroup } };
        });

    public override Task<ListResourceGroupsResponse> ListResourceGroups(ListResourceGroupsRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            var answer = new ListResourceGroupsResponse { Status = Success(), ResourceGroups = { DefaultResourceGroup } };
            answer.ResourceGroups.Add(State.ResourceGroups.Keys.Where(n => n != DefaultResourceGroup));
            return answer;
        });

    public override Task<DescribeResourceGroupResponse> DescribeResourceGroup(DescribeResourceGroupRequest request, ServerCallContext context) =>
        Run(request, context, _ =>
        {
            if (!GroupExists(request.ResourceGroup))
            {
                throw Faults.ResourceGroupNotFound(request.ResourceGroup);
            }

            var isDefault = request.ResourceGroup == DefaultResourceGroup;
            var stored = State.ResourceGroups.GetValueOrDefault(request.ResourceGroup);
            var group = new ResourceGroup
            {
                Name = request.ResourceGroup,
                Capacity = isDefault ? 1 : stored!.Config.Requests?.NodeNum ?? 0,
                NumAvailableNode = isDefault ? 1 : 0,
                Config = stored?.Config ?? new ResourceGroupConfig { Requests = new ResourceGroupLimit(), Limits = new ResourceGroupLimit { NodeNum = 1_000_000 } },
            };
            if (isDefault)
            {
                group.Nodes.Add(new NodeInfo { NodeId = NodeId, Address = "localhost", Hostname = "localhost" });
                foreach (var loaded in State.Collections.Select(c => c.Definition).Where(d => d.Loaded))
                {
                    group.NumLoadedReplica[loaded.Name] = 1;
                }
            }

            return new DescribeResourceGroupResponse { Status = Success(), ResourceGroup = group };
        });

    public override Task<Protocol.Status> TransferNode(TransferNodeRequest request, ServerCallContext context) =>
        Change(request, context, _ =>
        {
            CheckTransfer(request.SourceResourceGroup, request.TargetResourceGroup);
            throw request.NumNode <= 0
                ? Faults.Invalid($"transfer node num can't be [{request.NumNode}]", "NumNode>0", request.NumNode)
                : new Fault(302, $"node is not enough, expected: {request.NumNode}, 1 node in all and it stays in {DefaultResourceGroup}: resource group node not enough[rg={request.SourceResourceGroup}]");
        });

    public override Task<Protocol.Status> TransferReplica(TransferReplicaRequest request, ServerCallContext context) =>
        Change(request, context, call =>
        {
            CheckTransfer(request.SourceResourceGroup, request.TargetResourceGroup);
            _ = Definition(call, request.CollectionName);
            throw request.NumReplica <= 0
                ? Faults.Invalid($"transfer replica num can't be [{request.NumReplica}]", "NumReplica>0", request.NumReplica)
                : new Fault(302, $"resource group node not enough[rg={request.TargetResourceGroup}]");
        });

    private void CheckTransfer(string source, string target)
    {
        foreach (var name in (string[])[source, target])
        {
            if (!GroupExists(name))
            {
                throw Faults.ResourceGroupNotFound(name);
            }
        }

        if (source == target)
        {
            throw Faults.Invalid($"source resource group and target resource group should not be the same, resource group: {source}");
        }
    }

    private bool GroupExists(string name) => name == DefaultResourceGroup || State.ResourceGroups.ContainsKey(name);

    private static LogOp PutResourceGroup(string name, ResourceGroupConfig config) =>
        new() { PutResourceGroup = new PutResourceGroupOp { Group = new StoredResourceGroup { Name = name, Config = config } } };

    private void CheckConfig(string name, ResourceGroupConfig config)
    {
        var (wanted, most) = (config.Requests?.NodeNum ?? 0, config.Limits?.NodeNum ?? 0);
        if (wanted < 0 || most < 0 || most < wanted)
        {
            throw new Fault(304, $"resource group config is invalid: requests {wanted} and limits {most} should be at least 0 and limits at least requests[rg={name}]");
        }

        foreach (var other in config.TransferFrom.Concat(config.TransferTo).Select(t => t.ResourceGroup))
        {
            if (other == name || !GroupExists(other))
            {
                throw new Fault(304, $"resource group in `transfer` {other} is the group itself or does not exist[rg={name}]");
            }
        }
    }
}
