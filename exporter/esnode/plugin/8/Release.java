package auditship.esnode;

import java.util.List;

import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.support.IndicesOptions;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.health.ClusterHealthStatus;
import org.elasticsearch.cluster.health.ClusterStateHealth;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.ItemUsage;
import org.elasticsearch.cluster.metadata.LifecycleExecutionState;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService.CreateDataStreamClusterStateUpdateRequest;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xpack.core.ilm.ExplainLifecycleRequest;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleExplainResponse;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleMetadata;
import org.elasticsearch.xpack.core.ilm.LifecyclePolicyUtils;
import org.elasticsearch.xpack.core.ilm.action.GetLifecycleAction;

/**
 * What reads differently in the releases of Elasticsearch: here 8.x. A project is the whole metadata in 8.x and the
 * one project of this cluster in 9.x; most of what is asked of it has the same name in both.
 */
final class Release {
    private Release() {}

    static Metadata project(ClusterState state) {
        return state.metadata();
    }

    static NamedXContentRegistry.Entry customs() {
        return new NamedXContentRegistry.Entry(
            Metadata.Custom.class,
            new ParseField(IndexLifecycleMetadata.TYPE),
            p -> IndexLifecycleMetadata.PARSER.parse(p, null)
        );
    }

    static IndexLifecycleMetadata policies(ClusterState state) {
        return project(state).custom(IndexLifecycleMetadata.TYPE, IndexLifecycleMetadata.EMPTY);
    }

    static ClusterState with(ClusterState state, IndexLifecycleMetadata policies) {
        return with(state, Metadata.builder(project(state)).putCustom(IndexLifecycleMetadata.TYPE, policies));
    }

    static ClusterState withoutDataStreams(ClusterState state, List<String> names) {
        var project = Metadata.builder(project(state));
        names.forEach(project::removeDataStream);
        return with(state, project);
    }

    static ClusterState with(ClusterState state, IndexMetadata.Builder index) {
        return with(state, Metadata.builder(project(state)).put(index));
    }

    private static ClusterState with(ClusterState state, Metadata.Builder project) {
        return ClusterState.builder(state).metadata(project).build();
    }

    static CreateDataStreamClusterStateUpdateRequest createDataStream(ClusterState state, CreateDataStreamAction.Request request) {
        return new CreateDataStreamClusterStateUpdateRequest(
            request.getName(),
            request.getStartTime(),
            null,
            request.masterNodeTimeout(),
            request.ackTimeout(),
            true
        );
    }

    static List<String> dataStreamNames(
        IndexNameExpressionResolver resolver,
        ClusterState state,
        String[] names,
        IndicesOptions options
    ) {
        return DataStreamsActionUtil.getDataStreamNames(resolver, state, names, options);
    }

    static ClusterHealthStatus health(ClusterState state, String[] indices) {
        return new ClusterStateHealth(state, indices).getStatus();
    }

    static ItemUsage usage(IndexNameExpressionResolver resolver, ClusterState state, String policy) {
        return LifecyclePolicyUtils.calculateUsage(resolver, state, policy);
    }

    static GetLifecycleAction.Request getPolicies(RestRequest request, String[] names) {
        return new GetLifecycleAction.Request(RestUtils.getMasterNodeTimeout(request), RestUtils.getAckTimeout(request), names);
    }

    static ExplainLifecycleRequest explain(RestRequest request) {
        return new ExplainLifecycleRequest();
    }

    /** Of an index in that state of its lifecycle. */
    static IndexLifecycleExplainResponse managed(IndexMetadata index, LifecycleExecutionState state, Long from, boolean skip) {
        return IndexLifecycleExplainResponse.newManagedIndexResponse(
            index.getIndex().getName(),
            index.getCreationDate(),
            index.getLifecyclePolicyName(),
            from,
            state.phase(),
            state.action(),
            state.step(),
            state.failedStep(),
            state.isAutoRetryableError(),
            state.failedStepRetryCount(),
            state.phaseTime(),
            state.actionTime(),
            state.stepTime(),
            null,
            null,
            null,
            state.stepInfo() == null ? null : new BytesArray(state.stepInfo()),
            null,
            null,
            skip
        );
    }
}
