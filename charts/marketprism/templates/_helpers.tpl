{{/* Name that all objects begin with. */}}
{{- define "marketprism.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of the operator's own objects. */}}
{{- define "marketprism.operator" -}}
{{- printf "%s-operator" (include "marketprism.fullname" .) -}}
{{- end -}}

{{/* What selects the operator's pods: immutable, so nothing that changes is in it, and never what a Collector selects. */}}
{{- define "marketprism.selector" -}}
app.kubernetes.io/name: marketprism-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "marketprism.labels" -}}
{{ include "marketprism.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: marketprism
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "marketprism.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "marketprism.operator" . -}}
{{- else -}}
{{- fail "serviceAccount.create is false and serviceAccount.name is empty: write the name of the ServiceAccount." -}}
{{- end -}}
{{- end -}}

{{/* Registry and repository of an image: {image}. */}}
{{- define "marketprism.repository" -}}
{{- if .image.registry }}{{ .image.registry }}/{{ end }}{{ .image.repository }}
{{- end -}}

{{/* An image, by digest where that is known, else by tag: {image, appVersion}. */}}
{{- define "marketprism.image" -}}
{{- include "marketprism.repository" . -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .appVersion }}{{ end }}
{{- end -}}

{{/*
Whether the CustomResourceDefinition is ours to write. It is where there is none, or nobody to ask; where this release wrote
it and nobody applied another since; and where we were told to adopt it. Otherwise whoever applied it looks after it: Helm
would refuse to touch it, and fail the whole release.
*/}}
{{- define "marketprism.ownsCrd" -}}
{{- if .Values.crds.enabled -}}
{{- $live := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "collectors.marketprism.io" -}}
{{- $labels := dig "metadata" "labels" dict $live -}}
{{- $annotations := dig "metadata" "annotations" dict $live -}}
{{- $isReleased := and (eq (get $labels "app.kubernetes.io/managed-by" | toString) "Helm")
  (eq (get $annotations "meta.helm.sh/release-name" | toString) .Release.Name)
  (eq (get $annotations "meta.helm.sh/release-namespace" | toString) .Release.Namespace) -}}
{{- $isSame := eq (include "marketprism.crdVersions" . ) (dig "spec" "versions" list $live | toJson) -}}
{{- if or (not $live) .Values.crds.adopt (and $isReleased (or $isSame (not (include "marketprism.byKubectl" $live)))) -}}
true
{{- else if and .Release.IsUpgrade (ne (get $annotations "helm.sh/resource-policy" | toString) "keep") -}}
{{- fail "somebody replaced the CustomResourceDefinition collectors.marketprism.io, and Helm might delete it now, with all Collectors: run kubectl annotate crd collectors.marketprism.io helm.sh/resource-policy=keep, and upgrade again." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Versions of the CustomResourceDefinition that this chart brings, as JSON. */}}
{{- define "marketprism.crdVersions" -}}
{{- (.Files.Get "files/collectors.marketprism.io.yaml" | fromYaml).spec.versions | toJson -}}
{{- end -}}

{{/* Whether kubectl wrote to the spec of an object. */}}
{{- define "marketprism.byKubectl" -}}
{{- range (dig "metadata" "managedFields" list .) -}}
{{- if and (hasPrefix "kubectl" .manager) (hasKey (.fieldsV1 | default dict) "f:spec") }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/*
What the operator does in the namespace of a Collector. The kinds and verbs are those of operator/collectors/kinds.ts: a
test holds them together.
*/}}
{{- define "marketprism.rules" -}}
# Collectors are read; of them only the status is written. Finalizers: for owner references that block deletion.
- apiGroups: [marketprism.io]
  resources: [collectors]
  verbs: [get, list, watch]
- apiGroups: [marketprism.io]
  resources: [collectors/status]
  verbs: [get, patch]
- apiGroups: [marketprism.io]
  resources: [collectors/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, serviceaccounts, services]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [monitoring.coreos.com]
  resources: [alertmanagerconfigs, podmonitors, prometheusrules]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [grafana.integreatly.org]
  resources: [grafanadashboards]
  verbs: [create, delete, get, list, patch, watch]
# Healing: an eviction first, which budgets may refuse.
- apiGroups: [""]
  resources: [pods]
  verbs: [delete, get, list, watch]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Read by name and never listed.
- apiGroups: [""]
  resources: [secrets]
  {{- with .Values.rbac.secretNames }}
  resourceNames: {{ toJson . }}
  {{- end }}
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* Namespaces that have a Role of their own; none where all are watched. */}}
{{- define "marketprism.isClusterWide" -}}
{{- if not .Values.watchNamespaces }}true{{ end -}}
{{- end -}}
