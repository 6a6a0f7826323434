package delivery

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	sigsyaml "sigs.k8s.io/yaml"
)

const manifests = "../kubernetes"

// objects decodes a file of manifests by Kubernetes' own types; a key that these do not
// know is an error.
func objects(t *testing.T, path string) []runtime.Object {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(read(t, path))))
	var all []runtime.Object
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, object)
	}
	if len(all) == 0 {
		t.Fatalf("%s holds nothing", path)
	}
	return all
}

// every lists the objects of all files, without kustomization.yaml.
func every(t *testing.T) map[string][]runtime.Object {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]runtime.Object{}
	for _, path := range files {
		if name := filepath.Base(path); name != "kustomization.yaml" {
			all[name] = objects(t, path)
		}
	}
	return all
}

// pod is the pod that an object makes, nil for none.
func pod(object runtime.Object) (metav1.ObjectMeta, *corev1.PodTemplateSpec) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.ObjectMeta, &o.Spec.Template
	case *appsv1.DaemonSet:
		return o.ObjectMeta, &o.Spec.Template
	}
	return metav1.ObjectMeta{}, nil
}

func TestManifestsAreWhatKubernetesKnows(t *testing.T) {
	kinds := map[string]int{}
	for _, list := range every(t) {
		for _, object := range list {
			kinds[object.GetObjectKind().GroupVersionKind().Kind]++
		}
	}
	for _, kind := range []string{"Namespace", "Deployment", "DaemonSet", "Secret", "ConfigMap", "NetworkPolicy", "PersistentVolumeClaim", "Service"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s among %v", kind, kinds)
		}
	}
	var kustomization struct {
		APIVersion, Kind, Namespace string
		Resources                   []string
	}
	if err := sigsyaml.UnmarshalStrict(read(t, filepath.Join(manifests, "kustomization.yaml")), &kustomization); err != nil {
		t.Fatal(err)
	}
	for _, name := range kustomization.Resources {
		if _, err := os.Stat(filepath.Join(manifests, name)); err != nil {
			t.Error(err)
		}
	}
}

// All but the DaemonSets run under restricted Pod Security, as Kubernetes itself judges
// it. The DaemonSets break it by hostPath alone, and say so.
func TestPodSecurity(t *testing.T) {
	checks, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	pods := 0
	for file, list := range every(t) {
		for _, object := range list {
			meta, template := pod(object)
			if template == nil {
				continue
			}
			pods++
			verdict := policy.AggregateCheckResults(checks.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
			if _, ok := object.(*appsv1.DaemonSet); !ok {
				if !verdict.Allowed {
					t.Errorf("%s: %s", file, verdict.ForbiddenDetail())
				}
				continue
			}
			for _, reason := range verdict.ForbiddenReasons {
				if !strings.Contains(reason, "hostPath") && !strings.Contains(reason, "restricted volume types") {
					t.Errorf("%s: %s", file, verdict.ForbiddenDetail())
				}
			}
			if verdict.Allowed || !strings.HasPrefix(meta.Annotations["auditship/pod-security"], "privileged") ||
				!strings.HasPrefix(string(read(t, filepath.Join(manifests, file))), "# ATTENTION: hostPath.") {
				t.Errorf("%s: hostPath is not marked", file)
			}
		}
	}
	if pods != 4 {
		t.Errorf("%d pods", pods)
	}
}

// agents are the agent's containers by file.
func agents(t *testing.T) map[string]corev1.Container {
	t.Helper()
	found := map[string]corev1.Container{}
	for file, list := range every(t) {
		for _, object := range list {
			_, template := pod(object)
			if template == nil {
				continue
			}
			for _, c := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
				if c.Name == "auditship" {
					found[file] = c
				}
				for _, mount := range c.VolumeMounts {
					if !slices.ContainsFunc(template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }) {
						t.Errorf("%s: no volume %s", file, mount.Name)
					}
				}
			}
		}
	}
	return found
}

func TestAgentsContainers(t *testing.T) {
	found := agents(t)
	if len(found) != 4 {
		t.Fatalf("%d agents", len(found))
	}
	for file, c := range found {
		if !*c.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s: the root is not read-only", file)
		}
		if c.Ports[0].ContainerPort != 9479 {
			t.Errorf("%s: port %d", file, c.Ports[0].ContainerPort)
		}
		probes := map[*corev1.Probe]string{c.LivenessProbe: "/livez", c.StartupProbe: "/livez"}
		if file != "sidecar.yaml" {
			probes[c.ReadinessProbe] = "/readyz"
		} else if c.ReadinessProbe != nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
			t.Errorf("%s: the sidecar can take its gateway out of service", file)
		}
		for probe, path := range probes {
			if probe == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port != intstr.FromString("metrics") {
				t.Errorf("%s: the probe is not of %s", file, path)
			}
		}
	}
	for _, object := range every(t)["deployment.yaml"] {
		if d, ok := object.(*appsv1.Deployment); ok && (*d.Spec.Replicas != 1 || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType) {
			t.Error("two agents may read one API at once")
		}
	}
}

// The configurations in the ConfigMap are ones that the agent takes, with what the
// Secret holds where they look for it.
func TestConfigMapIsTakenByTheAgent(t *testing.T) {
	auditship := release(t).path("bin", "stage", "linux_amd64", "auditship")
	config := every(t)["config.yaml"][0].(*corev1.ConfigMap)
	secret := every(t)["secret.yaml"][0].(*corev1.Secret)
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range secret.StringData {
		value = strings.Repeat(value, 8) // an id_key is long
		if strings.HasSuffix(name, ".crt") {
			value = string(read(t, first.path("bin", "stage", "certs", "ca-certificates.crt")))
		}
		write(name, value)
	}
	for name, text := range config.Data {
		for _, part := range strings.Split(text, "/secrets/")[1:] {
			key, _, _ := strings.Cut(strings.Fields(part)[0], "}")
			if _, ok := secret.StringData[key]; !ok {
				t.Errorf("%s: the Secret has no %s", name, key)
			}
		}
		write(name, strings.ReplaceAll(text, "/secrets/", dir+"/"))
	}
	used := map[string]bool{}
	for file, c := range agents(t) {
		path, ok := strings.CutPrefix(c.Args[len(c.Args)-1], "/etc/auditship/")
		if _, known := config.Data[path]; !ok || !known {
			t.Errorf("%s: no configuration %v", file, c.Args)
			continue
		}
		used[path] = true
		if out := run(t, auditship, "check", "-c", filepath.Join(dir, path)); !strings.HasPrefix(out, "configuration ok: 1 input") {
			t.Errorf("%s: %s", path, out)
		}
	}
	if len(used) != 3 {
		t.Errorf("used are %v", used)
	}
}

func TestNetworkPolicyLetsThroughWhatTheAgentNeeds(t *testing.T) {
	np := every(t)["networkpolicy.yaml"][0].(*networkingv1.NetworkPolicy)
	var ports []string
	for _, rule := range np.Spec.Egress {
		for _, p := range rule.Ports {
			ports = append(ports, fmt.Sprintf("%s/%s", p.Port.String(), *p.Protocol))
		}
	}
	if got := strings.Join(ports, " "); got != "53/UDP 53/TCP 9200/TCP 7443/TCP" {
		t.Error(got)
	}
	if got := np.Spec.Ingress[0].Ports[0].Port.IntValue(); got != 9479 {
		t.Errorf("metrics on %d", got)
	}
	template := np.Spec.PodSelector.MatchLabels
	_, deployed := pod(every(t)["deployment.yaml"][0])
	for name, value := range template {
		if deployed.Labels[name] != value {
			t.Errorf("the policy is not about the agent: %v", template)
		}
	}
}
