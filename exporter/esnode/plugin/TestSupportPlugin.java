package auditship.esnode;

import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.elasticsearch.Build;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.ActionType;
import org.elasticsearch.action.admin.indices.rollover.RolloverInfo;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.DataStreamInfo;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.IndexProperties;
import org.elasticsearch.action.datastreams.GetDataStreamAction.Response.ManagedBy;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.action.support.TransportAction;
import org.elasticsearch.action.support.master.AcknowledgedRequest;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.AckedClusterStateUpdateTask;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateUpdateTask;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.DataStreamFailureStoreSettings;
import org.elasticsearch.cluster.metadata.DataStreamGlobalRetentionSettings;
import org.elasticsearch.cluster.metadata.DataStreamLifecycle;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.ItemUsage;
import org.elasticsearch.cluster.metadata.LifecycleExecutionState;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Priority;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.io.stream.StreamOutput;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexMode;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.IndexVersion;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestRequest.Method;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestRefCountedChunkedToXContentListener;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.ToXContentObject;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.ilm.AllocateAction;
import org.elasticsearch.xpack.core.ilm.DeleteAction;
import org.elasticsearch.xpack.core.ilm.DownsampleAction;
import org.elasticsearch.xpack.core.ilm.ExplainLifecycleRequest;
import org.elasticsearch.xpack.core.ilm.ExplainLifecycleResponse;
import org.elasticsearch.xpack.core.ilm.ForceMergeAction;
import org.elasticsearch.xpack.core.ilm.FreezeAction;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleExplainResponse;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleMetadata;
import org.elasticsearch.xpack.core.ilm.LifecycleAction;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicy;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicyMetadata;
import org.elasticsearch.xpack.core.ilm.LifecycleSettings;
import org.elasticsearch.xpack.core.ilm.LifecycleType;
import org.elasticsearch.xpack.core.ilm.MigrateAction;
import org.elasticsearch.xpack.core.ilm.OperationMode;
import org.elasticsearch.xpack.core.ilm.ReadOnlyAction;
import org.elasticsearch.xpack.core.ilm.RolloverAction;
import org.elasticsearch.xpack.core.ilm.SearchableSnapshotAction;
import org.elasticsearch.xpack.core.ilm.SetPriorityAction;
import org.elasticsearch.xpack.core.ilm.ShrinkAction;
import org.elasticsearch.xpack.core.ilm.TimeseriesLifecycleType;
import org.elasticsearch.xpack.core.ilm.UnfollowAction;
import org.elasticsearch.xpack.core.ilm.WaitForSnapshotAction;
import org.elasticsearch.xpack.core.ilm.action.DeleteLifecycleAction;
import org.elasticsearch.xpack.core.ilm.action.ExplainLifecycleAction;
import org.elasticsearch.xpack.core.ilm.action.GetLifecycleAction;
import org.elasticsearch.xpack.core.ilm.action.GetLifecycleAction.LifecyclePolicyResponseItem;
import org.elasticsearch.xpack.core.ilm.action.GetStatusAction;
import org.elasticsearch.xpack.core.ilm.action.ILMActions;
import org.elasticsearch.xpack.core.ilm.action.PutLifecycleRequest;

/**
 * Gives the test distribution of Elasticsearch the few endpoints and settings whose modules it leaves out.
 *
 * Every endpoint is a transport action under the name the real module uses, so the security layer authorises the
 * caller exactly as it would on a full cluster; requests, answers, parsing and validation are Elasticsearch's own
 * classes. What is not here is the lifecycle runner: no phase ever begins or ends by itself.
 */
public final class TestSupportPlugin extends Plugin implements ActionPlugin, AnalysisPlugin {

    // ---- settings, parsers, actions, routes -------------------------------------------------------------------

    @Override
    public List<Setting<?>> getSettings() {
        return List.of(
            LifecycleSettings.LIFECYCLE_NAME_SETTING,
            LifecycleSettings.LIFECYCLE_INDEXING_COMPLETE_SETTING,
            LifecycleSettings.LIFECYCLE_SKIP_SETTING,
            LifecycleSettings.LIFECYCLE_POLL_INTERVAL_SETTING,
            LifecycleSettings.LIFECYCLE_ROLLOVER_ONLY_IF_HAS_DOCUMENTS_SETTING,
            RolloverAction.LIFECYCLE_ROLLOVER_ALIAS_SETTING
        );
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return List.of(
            Release.customs(),
            entry(LifecycleType.class, TimeseriesLifecycleType.TYPE, p -> TimeseriesLifecycleType.INSTANCE),
            entry(LifecycleAction.class, AllocateAction.NAME, AllocateAction::parse),
            entry(LifecycleAction.class, DeleteAction.NAME, DeleteAction::parse),
            entry(LifecycleAction.class, DownsampleAction.NAME, DownsampleAction::parse),
            entry(LifecycleAction.class, ForceMergeAction.NAME, ForceMergeAction::parse),
            entry(LifecycleAction.class, FreezeAction.NAME, FreezeAction::parse),
            entry(LifecycleAction.class, MigrateAction.NAME, MigrateAction::parse),
            entry(LifecycleAction.class, ReadOnlyAction.NAME, ReadOnlyAction::parse),
            entry(LifecycleAction.class, RolloverAction.NAME, RolloverAction::parse),
            entry(LifecycleAction.class, SearchableSnapshotAction.NAME, SearchableSnapshotAction::parse),
            entry(LifecycleAction.class, SetPriorityAction.NAME, SetPriorityAction::parse),
            entry(LifecycleAction.class, ShrinkAction.NAME, ShrinkAction::parse),
            entry(LifecycleAction.class, UnfollowAction.NAME, UnfollowAction::parse),
            entry(LifecycleAction.class, WaitForSnapshotAction.NAME, WaitForSnapshotAction::parse)
        );
    }

    private interface Parse<T> {
        T from(XContentParser parser) throws IOException;
    }

    private static <T> NamedXContentRegistry.Entry entry(Class<T> category, String name, Parse<? extends T> parse) {
        return new NamedXContentRegistry.Entry(category, new ParseField(name), (p, context) -> parse.from(p));
    }

    /** Without type arguments, because ActionHandler has them in 8.x only. */
    @Override
    @SuppressWarnings({ "rawtypes", "unchecked" })
    public Collection getActions() {
        return List.of(
            new ActionHandler(MAIN, Main.class),
            new ActionHandler(GetDataStreamAction.INSTANCE, GetDataStreams.class),
            new ActionHandler(CreateDataStreamAction.INSTANCE, CreateDataStream.class),
            new ActionHandler(DeleteDataStreamAction.INSTANCE, DeleteDataStreams.class),
            new ActionHandler(ILMActions.PUT, PutPolicy.class),
            new ActionHandler(GetLifecycleAction.INSTANCE, GetPolicies.class),
            new ActionHandler(DeleteLifecycleAction.INSTANCE, DeletePolicy.class),
            new ActionHandler(GetStatusAction.INSTANCE, GetStatus.class),
            new ActionHandler(ILMActions.START, Start.class),
            new ActionHandler(ILMActions.STOP, Stop.class),
            new ActionHandler(STAGE, Stage.class),
            new ActionHandler(ExplainLifecycleAction.INSTANCE, Explain.class)
        );
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
        Settings settings,
        NamedWriteableRegistry namedWriteables,
        RestController controller,
        ClusterSettings clusterSettings,
        IndexScopedSettings indexSettings,
        SettingsFilter filter,
        IndexNameExpressionResolver resolver,
        Supplier<DiscoveryNodes> nodes,
        Predicate<NodeFeature> features
    ) {
        return List.of(
            new Endpoint("main", TestSupportPlugin::main, "GET /", "HEAD /"),
            new Endpoint("get_data_stream", TestSupportPlugin::getDataStreams, "GET /_data_stream", "GET /_data_stream/{name}"),
            new Endpoint("put_data_stream", TestSupportPlugin::createDataStream, "PUT /_data_stream/{name}"),
            new Endpoint("delete_data_stream", TestSupportPlugin::deleteDataStreams, "DELETE /_data_stream/{name}"),
            new Endpoint("ilm_put", TestSupportPlugin::putPolicy, "PUT /_ilm/policy/{name}"),
            new Endpoint("ilm_get", TestSupportPlugin::getPolicies, "GET /_ilm/policy", "GET /_ilm/policy/{name}"),
            new Endpoint("ilm_delete", TestSupportPlugin::deletePolicy, "DELETE /_ilm/policy/{name}"),
            new Endpoint("ilm_status", TestSupportPlugin::getStatus, "GET /_ilm/status"),
            new Endpoint("ilm_start", (r, c) -> operate(r, c, ILMActions.START), "POST /_ilm/start"),
            new Endpoint("ilm_stop", (r, c) -> operate(r, c, ILMActions.STOP), "POST /_ilm/stop"),
            new Endpoint("ilm_explain", TestSupportPlugin::explain, "GET /{index}/_ilm/explain"),
            new Endpoint("ilm_stage", TestSupportPlugin::stage, "PUT /{index}/_ilm/stage")
        );
    }

    private interface Send {
        void to(RestChannel channel) throws Exception;
    }

    private interface Prepare {
        Send of(RestRequest request, NodeClient client) throws IOException;
    }

    /** A REST handler made of its routes ("METHOD /path") and the function that turns a request into an action. */
    private static final class Endpoint extends BaseRestHandler {
        private final String name;
        private final Prepare prepare;
        private final List<Route> routes;

        Endpoint(String name, Prepare prepare, String... routes) {
            this.name = "auditship_test_" + name;
            this.prepare = prepare;
            this.routes = Arrays.stream(routes)
                .map(r -> r.split(" "))
                .map(r -> new Route(Method.valueOf(r[0]), r[1]))
                .toList();
        }

        @Override
        public String getName() {
            return name;
        }

        @Override
        public List<Route> routes() {
            return routes;
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
            return prepare.of(request, client)::to;
        }
    }

    private static Send main(RestRequest request, NodeClient client) {
        return channel -> client.execute(MAIN, new MainRequest(), new RestToXContentListener<>(channel));
    }

    private static Send getDataStreams(RestRequest request, NodeClient client) {
        var get = new GetDataStreamAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            Strings.splitStringByCommaToArray(request.param("name"))
        );
        get.includeDefaults(request.paramAsBoolean("include_defaults", false));
        get.indicesOptions(IndicesOptions.fromRequest(request, get.indicesOptions()));
        return channel -> client.execute(GetDataStreamAction.INSTANCE, get, new RestToXContentListener<>(channel));
    }

    private static Send createDataStream(RestRequest request, NodeClient client) {
        var create = new CreateDataStreamAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            RestUtils.getAckTimeout(request),
            request.param("name")
        );
        return channel -> client.execute(CreateDataStreamAction.INSTANCE, create, new RestToXContentListener<>(channel));
    }

    private static Send deleteDataStreams(RestRequest request, NodeClient client) {
        var delete = new DeleteDataStreamAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            Strings.splitStringByCommaToArray(request.param("name"))
        );
        delete.indicesOptions(IndicesOptions.fromRequest(request, delete.indicesOptions()));
        return channel -> client.execute(DeleteDataStreamAction.INSTANCE, delete, new RestToXContentListener<>(channel));
    }

    private static Send putPolicy(RestRequest request, NodeClient client) throws IOException {
        String name = request.param("name");
        var masterTimeout = RestUtils.getMasterNodeTimeout(request);
        var ackTimeout = RestUtils.getAckTimeout(request);
        try (XContentParser parser = request.contentParser()) {
            var put = PutLifecycleRequest.parseRequest(new PutLifecycleRequest.Factory() {
                @Override
                public PutLifecycleRequest create(LifecyclePolicy policy) {
                    return new PutLifecycleRequest(masterTimeout, ackTimeout, policy);
                }

                @Override
                public String getPolicyName() {
                    return name;
                }
            }, parser);
            return channel -> client.execute(ILMActions.PUT, put, new RestToXContentListener<>(channel));
        }
    }

    private static Send getPolicies(RestRequest request, NodeClient client) {
        var get = Release.getPolicies(request, Strings.splitStringByCommaToArray(request.param("name")));
        return channel -> client.execute(
            GetLifecycleAction.INSTANCE,
            get,
            new RestRefCountedChunkedToXContentListener<>(channel)
        );
    }

    private static Send deletePolicy(RestRequest request, NodeClient client) {
        var delete = new DeleteLifecycleAction.Request(
            RestUtils.getMasterNodeTimeout(request),
            RestUtils.getAckTimeout(request),
            request.param("name")
        );
        return channel -> client.execute(DeleteLifecycleAction.INSTANCE, delete, new RestToXContentListener<>(channel));
    }

    private static Send getStatus(RestRequest request, NodeClient client) {
        var get = new AcknowledgedRequest.Plain(RestUtils.getMasterNodeTimeout(request), RestUtils.getAckTimeout(request));
        return channel -> client.execute(GetStatusAction.INSTANCE, get, new RestToXContentListener<>(channel));
    }

    private static Send operate(RestRequest request, NodeClient client, ActionType<AcknowledgedResponse> action) {
        var operate = new OperateRequest(request);
        return channel -> client.execute(action, operate, new RestToXContentListener<>(channel));
    }

    private static Send stage(RestRequest request, NodeClient client) throws IOException {
        try (XContentParser parser = request.contentParser()) {
            var stage = new StageRequest(request, request.param("index"), parser.mapStrings());
            return channel -> client.execute(STAGE, stage, new RestToXContentListener<>(channel));
        }
    }

    private static Send explain(RestRequest request, NodeClient client) {
        var explain = Release.explain(request);
        explain.indices(Strings.splitStringByCommaToArray(request.param("index")));
        explain.indicesOptions(IndicesOptions.fromRequest(request, IndicesOptions.strictExpandOpen()));
        explain.onlyManaged(request.paramAsBoolean("only_managed", false));
        explain.onlyErrors(request.paramAsBoolean("only_errors", false));
        return channel -> client.execute(ExplainLifecycleAction.INSTANCE, explain, new RestToXContentListener<>(channel));
    }

    // ---- actions ----------------------------------------------------------------------------------------------

    /** What the transport actions share: they run on this node only, which is the whole cluster. */
    private abstract static class LocalAction<Request extends ActionRequest, Response extends ActionResponse> extends TransportAction<
        Request,
        Response> {
        final ClusterService clusterService;

        LocalAction(String name, TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(name, filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
        }

        abstract Response answer(Request request, ClusterState state) throws Exception;

        @Override
        protected void doExecute(Task task, Request request, ActionListener<Response> listener) {
            ActionListener.completeWith(listener, () -> answer(request, clusterService.state()));
        }
    }

    /** An action that replaces the lifecycle policies in the cluster state, where they survive a restart. */
    private abstract static class PolicyChange<Request extends AcknowledgedRequest<Request>> extends TransportAction<
        Request,
        AcknowledgedResponse> {
        private final ClusterService clusterService;

        PolicyChange(String name, TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(name, filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
        }

        abstract void change(Request request, ClusterState state, SortedMap<String, LifecyclePolicyMetadata> policies);

        @Override
        protected void doExecute(Task task, Request request, ActionListener<AcknowledgedResponse> listener) {
            clusterService.submitUnbatchedStateUpdateTask(actionName, new AckedClusterStateUpdateTask(request, listener) {
                @Override
                public ClusterState execute(ClusterState state) {
                    var policies = new TreeMap<>(policies(state));
                    change(request, state, policies);
                    var mode = Release.policies(state).getOperationMode();
                    return Release.with(state, new IndexLifecycleMetadata(policies, mode));
                }
            });
        }
    }

    private static Map<String, LifecyclePolicyMetadata> policies(ClusterState state) {
        return Release.policies(state).getPolicyMetadatas();
    }

    public static final class PutPolicy extends PolicyChange<PutLifecycleRequest> {
        @Inject
        public PutPolicy(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(ILMActions.PUT.name(), transport, filters, clusterService);
        }

        @Override
        void change(PutLifecycleRequest request, ClusterState state, SortedMap<String, LifecyclePolicyMetadata> policies) {
            LifecyclePolicy policy = request.getPolicy();
            LifecyclePolicy.validatePolicyName(policy.getName());
            var old = policies.get(policy.getName());
            long version = old == null ? 1 : old.getVersion() + 1;
            policies.put(policy.getName(), new LifecyclePolicyMetadata(policy, Map.of(), version, Instant.now().toEpochMilli()));
        }
    }

    public static final class DeletePolicy extends PolicyChange<DeleteLifecycleAction.Request> {
        @Inject
        public DeletePolicy(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(DeleteLifecycleAction.NAME, transport, filters, clusterService);
        }

        @Override
        void change(DeleteLifecycleAction.Request request, ClusterState state, SortedMap<String, LifecyclePolicyMetadata> policies) {
            String name = request.getPolicyName();
            List<String> users = Release.project(state).indices().values().stream()
                .filter(index -> name.equals(index.getLifecyclePolicyName()))
                .map(index -> index.getIndex().getName())
                .sorted()
                .toList();
            if (users.isEmpty() == false) {
                throw new IllegalArgumentException("policy [" + name + "] is in use by indices " + users);
            }
            if (policies.remove(name) == null) {
                throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
            }
        }
    }

    public static final class GetPolicies extends LocalAction<GetLifecycleAction.Request, GetLifecycleAction.Response> {
        private final IndexNameExpressionResolver resolver;

        @Inject
        public GetPolicies(
            TransportService transport,
            ActionFilters filters,
            ClusterService clusterService,
            IndexNameExpressionResolver resolver
        ) {
            super(GetLifecycleAction.NAME, transport, filters, clusterService);
            this.resolver = resolver;
        }

        @Override
        GetLifecycleAction.Response answer(GetLifecycleAction.Request request, ClusterState state) {
            var policies = policies(state);
            var asked = request.getPolicyNames().length == 0 ? List.of("*") : List.of(request.getPolicyNames());
            for (String name : asked) {
                if (Regex.isSimpleMatchPattern(name) == false && policies.containsKey(name) == false) {
                    throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
                }
            }
            return new GetLifecycleAction.Response(
                policies.values().stream().filter(p -> Regex.simpleMatch(asked, p.getName())).map(p -> item(p, state)).toList()
            );
        }

        private LifecyclePolicyResponseItem item(LifecyclePolicyMetadata p, ClusterState state) {
            ItemUsage usage = Release.usage(resolver, state, p.getName());
            return new LifecyclePolicyResponseItem(p.getPolicy(), p.getVersion(), p.getModifiedDateString(), usage);
        }
    }

    public static final class GetStatus extends LocalAction<AcknowledgedRequest.Plain, GetStatusAction.Response> {
        @Inject
        public GetStatus(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(GetStatusAction.NAME, transport, filters, clusterService);
        }

        @Override
        GetStatusAction.Response answer(AcknowledgedRequest.Plain request, ClusterState state) {
            return new GetStatusAction.Response(Release.policies(state).getOperationMode());
        }
    }

    public static final class Explain extends LocalAction<ExplainLifecycleRequest, ExplainLifecycleResponse> {
        private final IndexNameExpressionResolver resolver;

        @Inject
        public Explain(
            TransportService transport,
            ActionFilters filters,
            ClusterService clusterService,
            IndexNameExpressionResolver resolver
        ) {
            super(ExplainLifecycleAction.NAME, transport, filters, clusterService);
            this.resolver = resolver;
        }

        @Override
        ExplainLifecycleResponse answer(ExplainLifecycleRequest request, ClusterState state) {
            var answers = new TreeMap<String, IndexLifecycleExplainResponse>();
            for (String name : resolver.concreteIndexNames(state, request)) {
                IndexMetadata index = Release.project(state).index(name);
                String policy = index.getLifecyclePolicyName();
                boolean managed = Strings.hasText(policy);
                boolean error = managed && policies(state).containsKey(policy) == false;
                if (request.onlyErrors() && error == false || request.onlyManaged() && managed == false) {
                    continue;
                }
                answers.put(name, managed ? managed(index, error) : IndexLifecycleExplainResponse.newUnmanagedIndexResponse(name));
            }
            return new ExplainLifecycleResponse(answers);
        }

        /**
         * The state that a test staged, else the one in which the runner would leave the index: the write index waits for
         * its rollover, an older one has completed its hot phase. Without its policy it is in no phase.
         */
        private static IndexLifecycleExplainResponse managed(IndexMetadata index, boolean error) {
            Settings settings = index.getSettings();
            Long rolledOver = index.getRolloverInfos().values().stream().map(RolloverInfo::getTime).max(Long::compare).orElse(null);
            Long origination = IndexSettings.LIFECYCLE_ORIGINATION_DATE_SETTING.get(settings);
            LifecycleExecutionState state = index.getLifecycleExecutionState();
            Long from = rolledOver == null ? Long.valueOf(index.getCreationDate()) : rolledOver;
            if (state.lifecycleDate() != null) {
                from = state.lifecycleDate();
            }
            if (origination != -1L) {
                from = origination;
            }
            if (state.phase() == null && error == false) {
                state = LifecycleExecutionState.builder()
                    .setPhase("hot")
                    .setAction(rolledOver == null ? RolloverAction.NAME : "complete")
                    .setStep(rolledOver == null ? "check-rollover-ready" : "complete")
                    .setPhaseTime(from)
                    .setActionTime(from)
                    .setStepTime(from)
                    .build();
            }
            return Release.managed(index, state, error ? null : from, LifecycleSettings.LIFECYCLE_SKIP_SETTING.get(settings));
        }
    }

    /** Starts or stops the runner that is not there; its status says so. */
    public static final class OperateRequest extends AcknowledgedRequest<OperateRequest> {
        OperateRequest(RestRequest request) {
            super(RestUtils.getMasterNodeTimeout(request), RestUtils.getAckTimeout(request));
        }
    }

    private abstract static class Operate extends TransportAction<OperateRequest, AcknowledgedResponse> {
        private final ClusterService clusterService;
        private final OperationMode mode;

        Operate(ActionType<?> action, OperationMode mode, TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(action.name(), filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
            this.mode = mode;
        }

        @Override
        protected void doExecute(Task task, OperateRequest request, ActionListener<AcknowledgedResponse> listener) {
            clusterService.submitUnbatchedStateUpdateTask(actionName, new AckedClusterStateUpdateTask(request, listener) {
                @Override
                public ClusterState execute(ClusterState state) {
                    return Release.with(state, new IndexLifecycleMetadata(policies(state), mode));
                }
            });
        }
    }

    public static final class Start extends Operate {
        @Inject
        public Start(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(ILMActions.START, OperationMode.RUNNING, transport, filters, clusterService);
        }
    }

    public static final class Stop extends Operate {
        @Inject
        public Stop(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(ILMActions.STOP, OperationMode.STOPPED, transport, filters, clusterService);
        }
    }

    // ---- PUT /{index}/_ilm/stage: what the runner would have written into the index's metadata, and its age ------

    private static final ActionType<AcknowledgedResponse> STAGE = new ActionType<>("cluster:admin/ilm/_move/stage");

    public static final class StageRequest extends AcknowledgedRequest<StageRequest> {
        private final String index;
        private final Map<String, String> lifecycle;

        StageRequest(RestRequest request, String index, Map<String, String> lifecycle) {
            super(RestUtils.getMasterNodeTimeout(request), RestUtils.getAckTimeout(request));
            this.index = index;
            this.lifecycle = lifecycle;
        }
    }

    public static final class Stage extends TransportAction<StageRequest, AcknowledgedResponse> {
        private final ClusterService clusterService;

        @Inject
        public Stage(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(STAGE.name(), filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
        }

        @Override
        protected void doExecute(Task task, StageRequest request, ActionListener<AcknowledgedResponse> listener) {
            clusterService.submitUnbatchedStateUpdateTask(actionName, new AckedClusterStateUpdateTask(request, listener) {
                @Override
                public ClusterState execute(ClusterState state) {
                    var settings = Release.project(state).index(request.index).getSettings();
                    var index = IndexMetadata.builder(Release.project(state).index(request.index));
                    var lifecycle = new HashMap<>(request.lifecycle);
                    String created = lifecycle.remove("index_created");
                    if (created != null) {
                        index.settings(Settings.builder().put(settings).put(IndexMetadata.SETTING_CREATION_DATE, created));
                        index.settingsVersion(index.settingsVersion() + 1);
                    }
                    if (lifecycle.isEmpty() == false) {
                        index.putCustom(LifecycleExecutionState.ILM_CUSTOM_METADATA_KEY, lifecycle);
                    }
                    return Release.with(state, index);
                }
            });
        }
    }

    /** Makes a data stream without a document, as the matching template says. */
    public static final class CreateDataStream extends TransportAction<CreateDataStreamAction.Request, AcknowledgedResponse> {
        private final MetadataCreateDataStreamService streams;
        private final ClusterService clusterService;

        @Inject
        public CreateDataStream(
            TransportService transport,
            ActionFilters filters,
            ClusterService clusterService,
            MetadataCreateDataStreamService streams
        ) {
            super(CreateDataStreamAction.NAME, filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
            this.streams = streams;
        }

        @Override
        protected void doExecute(Task task, CreateDataStreamAction.Request request, ActionListener<AcknowledgedResponse> listener) {
            streams.createDataStream(Release.createDataStream(clusterService.state(), request), listener);
        }
    }

    public static final class DeleteDataStreams extends TransportAction<DeleteDataStreamAction.Request, AcknowledgedResponse> {
        private final ClusterService clusterService;
        private final IndexNameExpressionResolver resolver;
        private final Settings settings;

        @Inject
        public DeleteDataStreams(
            TransportService transport,
            ActionFilters filters,
            ClusterService clusterService,
            IndexNameExpressionResolver resolver,
            Settings settings
        ) {
            super(DeleteDataStreamAction.NAME, filters, transport.getTaskManager(), transport.getThreadPool().generic());
            this.clusterService = clusterService;
            this.resolver = resolver;
            this.settings = settings;
        }

        @Override
        protected void doExecute(Task task, DeleteDataStreamAction.Request request, ActionListener<AcknowledgedResponse> listener) {
            var update = new ClusterStateUpdateTask(Priority.HIGH, request.masterNodeTimeout()) {
                @Override
                public ClusterState execute(ClusterState state) {
                    return delete(request, state);
                }

                @Override
                public void onFailure(Exception e) {
                    listener.onFailure(e);
                }

                @Override
                public void clusterStateProcessed(ClusterState before, ClusterState after) {
                    listener.onResponse(AcknowledgedResponse.TRUE);
                }
            };
            clusterService.submitUnbatchedStateUpdateTask(actionName, update);
        }

        private ClusterState delete(DeleteDataStreamAction.Request request, ClusterState state) {
            var names = Release.dataStreamNames(resolver, state, request.getNames(), request.indicesOptions());
            var indices = new HashSet<Index>();
            for (String name : names) {
                DataStream stream = Release.project(state).dataStreams().get(name);
                indices.addAll(stream.getIndices());
                indices.addAll(stream.getFailureIndices());
            }
            return MetadataDeleteIndexService.deleteIndices(Release.withoutDataStreams(state, names), indices, settings);
        }
    }

    public static final class GetDataStreams extends LocalAction<GetDataStreamAction.Request, GetDataStreamAction.Response> {
        private final IndexNameExpressionResolver resolver;
        private final DataStreamFailureStoreSettings failureStore;
        private final DataStreamGlobalRetentionSettings retention;

        @Inject
        public GetDataStreams(
            TransportService transport,
            ActionFilters filters,
            ClusterService clusterService,
            IndexNameExpressionResolver resolver,
            DataStreamFailureStoreSettings failureStore,
            DataStreamGlobalRetentionSettings retention
        ) {
            super(GetDataStreamAction.NAME, transport, filters, clusterService);
            this.resolver = resolver;
            this.failureStore = failureStore;
            this.retention = retention;
        }

        @Override
        GetDataStreamAction.Response answer(GetDataStreamAction.Request request, ClusterState state) {
            List<DataStreamInfo> streams = Release.dataStreamNames(resolver, state, request.getNames(), request.indicesOptions())
                .stream()
                .map(Release.project(state).dataStreams()::get)
                .sorted(Comparator.comparing(DataStream::getName))
                .map(stream -> info(stream, state))
                .toList();
            var rollover = DataStreamLifecycle.CLUSTER_LIFECYCLE_DEFAULT_ROLLOVER_SETTING;
            return new GetDataStreamAction.Response(
                streams,
                request.includeDefaults() ? clusterService.getClusterSettings().get(rollover) : null,
                retention.get(false),
                retention.get(true)
            );
        }

        private DataStreamInfo info(DataStream stream, ClusterState state) {
            var project = Release.project(state);
            String template = MetadataIndexTemplateService.findV2Template(project, stream.getName(), false);
            Settings settings = template == null ? Settings.EMPTY : stream.getEffectiveSettings(project);
            var indices = new HashMap<Index, IndexProperties>();
            stream.getIndices().forEach(index -> indices.put(index, properties(stream, index, state)));
            stream.getFailureIndices().forEach(index -> indices.put(index, properties(stream, index, state)));
            String[] names = stream.getIndices().stream().map(Index::getName).toArray(String[]::new);
            IndexMode mode = stream.getIndexMode() == null ? IndexSettings.MODE.get(settings) : stream.getIndexMode();
            return new DataStreamInfo(
                stream,
                stream.isFailureStoreEffectivelyEnabled(failureStore),
                Release.health(state, names),
                template,
                settings.get(IndexMetadata.LIFECYCLE_NAME),
                null,
                indices,
                IndexSettings.PREFER_ILM_SETTING.get(settings),
                null,
                mode.getName()
            );
        }

        private static IndexProperties properties(DataStream stream, Index index, ClusterState state) {
            var metadata = Release.project(state);
            IndexMetadata meta = metadata.index(index);
            ManagedBy by = ManagedBy.UNMANAGED;
            if (metadata.isIndexManagedByILM(meta)) {
                by = ManagedBy.ILM;
            } else if (stream.isIndexManagedByDataStreamLifecycle(index, metadata::index)) {
                by = ManagedBy.LIFECYCLE;
            }
            return new IndexProperties(
                IndexSettings.PREFER_ILM_SETTING.get(meta.getSettings()),
                meta.getLifecyclePolicyName(),
                by,
                IndexSettings.MODE.get(meta.getSettings()).getName()
            );
        }
    }

    // ---- GET / ------------------------------------------------------------------------------------------------

    private static final ActionType<MainResponse> MAIN = new ActionType<>("cluster:monitor/main");

    public static final class MainRequest extends ActionRequest {
        @Override
        public ActionRequestValidationException validate() {
            return null;
        }
    }

    public static final class MainResponse extends ActionResponse implements ToXContentObject {
        private final ClusterState state;
        private final String node;

        MainResponse(ClusterState state, String node) {
            this.state = state;
            this.node = node;
        }

        @Override
        public void writeTo(StreamOutput out) {
            throw new UnsupportedOperationException("answered on this node only");
        }

        @Override
        public XContentBuilder toXContent(XContentBuilder b, ToXContent.Params params) throws IOException {
            Build build = Build.current();
            b.startObject();
            b.field("name", node);
            b.field("cluster_name", state.getClusterName().value());
            b.field("cluster_uuid", state.metadata().clusterUUID());
            b.startObject("version");
            b.field("number", build.qualifiedVersion());
            b.field("build_flavor", build.flavor());
            b.field("build_type", build.type().displayName());
            b.field("build_hash", build.hash());
            b.field("build_date", build.date());
            b.field("build_snapshot", build.isSnapshot());
            b.field("lucene_version", IndexVersion.current().luceneVersion().toString());
            b.field("minimum_wire_compatibility_version", build.minWireCompatVersion());
            b.field("minimum_index_compatibility_version", build.minIndexCompatVersion());
            b.endObject();
            b.field("tagline", "You Know, for Search");
            return b.endObject();
        }
    }

    public static final class Main extends LocalAction<MainRequest, MainResponse> {
        @Inject
        public Main(TransportService transport, ActionFilters filters, ClusterService clusterService) {
            super(MAIN.name(), transport, filters, clusterService);
        }

        @Override
        MainResponse answer(MainRequest request, ClusterState state) {
            return new MainResponse(state, clusterService.getNodeName());
        }
    }

    // ---- analysis: what the mapping of the security index names ------------------------------------------------

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "pattern_capture",
            AnalysisPlugin.requiresAnalysisSettings((index, env, name, settings) -> {
                Pattern[] patterns = settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
                boolean original = settings.getAsBoolean("preserve_original", true);
                return filter(name, in -> new PatternCaptureGroupTokenFilter(in, original, patterns));
            }),
            "unique",
            (index, env, name, settings) -> filter(name, RemoveDuplicatesTokenFilter::new)
        );
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, env, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
    }

    private static TokenFilterFactory filter(String name, UnaryOperator<TokenStream> filter) {
        return new TokenFilterFactory() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public TokenStream create(TokenStream in) {
                return filter.apply(in);
            }
        };
    }
}
