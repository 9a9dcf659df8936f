{{- define "penstock.fullname" -}}
{{- default "penstock-operator" .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "penstock.name" -}}
{{- default "penstock-operator" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "penstock.labels" -}}
app.kubernetes.io/name: {{ include "penstock.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "penstock.selector" -}}
app.kubernetes.io/name: {{ include "penstock.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* Cluster-wide, so with the namespace in it. */ -}}
{{- define "penstock.webhookName" -}}
{{- printf "%s-%s" (include "penstock.fullname" .) .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "penstock.webhookService" -}}
{{- printf "%s-webhook" (include "penstock.fullname" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "penstock.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "penstock.runtimeImage" -}}
{{ .Values.runtimeImage.repository }}:{{ default .Chart.AppVersion .Values.runtimeImage.tag }}
{{- end -}}

{{- /* Whether the operator has Roles in the watched namespaces instead of a ClusterRole; refuses what cannot be had then. */ -}}
{{- define "penstock.isNamespaced" -}}
{{- if not (has .Values.rbac.scope (list "Cluster" "Namespaces")) -}}
{{- fail (printf "rbac.scope is %q: use Cluster or Namespaces" .Values.rbac.scope) -}}
{{- end -}}
{{- if not (has .Values.jobNamespaces.mode (list "" "Dedicated" "Shared")) -}}
{{- fail (printf "jobNamespaces.mode is %q: use Dedicated or Shared" .Values.jobNamespaces.mode) -}}
{{- end -}}
{{- if eq .Values.rbac.scope "Namespaces" -}}
{{- if not .Values.watchNamespaces -}}
{{- fail "rbac.scope Namespaces gives the operator rights in watchNamespaces and nowhere else: name them" -}}
{{- end -}}
{{- if ne .Values.jobNamespaces.mode "Shared" -}}
{{- fail "rbac.scope Namespaces: a namespace for each job (jobNamespaces.mode Dedicated, the default) needs rights in the whole cluster: set jobNamespaces.mode to Shared, or rbac.scope to Cluster" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{- /* A hook job of one command, as a service account of its own: the operator's may not touch definitions. */ -}}
{{- define "penstock.hookJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "penstock.labels" .root | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-weight: "5"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 2
  activeDeadlineSeconds: {{ .root.Values.hooks.deadlineSeconds }}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ .name }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ .account }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .root.Values.podSecurityContext | nindent 8 }}
      containers:
        - name: {{ .name }}
          image: {{ include "penstock.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: {{ .args | toJson }}
          {{- if eq (include "penstock.isNamespaced" .root) "true" }}
          env:
            - {name: PENSTOCK_RBAC_SCOPE, value: Namespaces}
            - {name: WATCH_NAMESPACES, value: {{ join "," .root.Values.watchNamespaces | quote }}}
          {{- end }}
          securityContext:
            {{- toYaml .root.Values.operatorSecurityContext | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - {name: tmp, emptyDir: {}}
{{- end -}}
