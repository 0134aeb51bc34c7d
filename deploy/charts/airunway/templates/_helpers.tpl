{{/* What every object bears; a part, where it belongs to one. Given: a part, or nothing. */}}
{{- define "airunway.labels" -}}
app.kubernetes.io/name: airunway
{{- with . }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* One image, of one version; by its digest where one is given. The installer's has Helm, under the same name. */}}
{{- define "airunway.image" -}}
{{- $image := .root.Values.image -}}
{{- $digest := ternary $image.installerDigest $image.digest .installer -}}
{{- $tag := printf "%s%s" ($image.tag | default .root.Chart.AppVersion) (ternary "-installer" "" .installer) -}}
{{- if $digest -}}
{{ $image.repository }}@{{ $digest }}
{{- else -}}
{{ $image.repository }}:{{ $tag }}
{{- end -}}
{{- end }}

{{/* A value as processes read it: whole numbers without an exponent, lists and dictionaries as JSON. */}}
{{- define "airunway.asText" -}}
{{- if or (kindIs "map" .) (kindIs "slice" .) -}}
{{ toJson . }}
{{- else if kindIs "float64" . -}}
{{ ternary (int64 . | toString) (toString .) (eq (floor .) .) }}
{{- else -}}
{{ toString . }}
{{- end -}}
{{- end }}

{{/* Settings of every process, as text, by name. */}}
{{- define "airunway.settings" -}}
{{- $settings := dict
      "AIRUNWAY_LOG_FORMAT" "json"
      "AIRUNWAY_HEALTH_PORT" "8081"
      "AIRUNWAY_METRICS_PORT" "8443" -}}
{{- $secret := .Values.temporal.secret -}}
{{- if and (not $secret.name) (join "" (values (omit $secret "name"))) -}}
{{- fail "temporal.secret.name: say which Secret holds the keys that temporal.secret names" -}}
{{- end -}}
{{- if not $secret.address }}{{ $_ := set $settings "AIRUNWAY_TEMPORAL_ADDRESS" .Values.temporal.address }}{{ end -}}
{{- if not $secret.namespace }}{{ $_ := set $settings "AIRUNWAY_TEMPORAL_NAMESPACE" .Values.temporal.namespace }}{{ end -}}
{{- $files := dict
      "AIRUNWAY_TEMPORAL_API_KEY_FILE" $secret.apiKey
      "AIRUNWAY_TEMPORAL_CA_FILE" $secret.authority
      "AIRUNWAY_TEMPORAL_CERT_FILE" $secret.certificate
      "AIRUNWAY_TEMPORAL_KEY_FILE" $secret.privateKey -}}
{{- range $name, $key := $files -}}
{{- if $key }}{{ $_ := set $settings $name (printf "/etc/airunway-temporal/%s" $key) }}{{ end -}}
{{- end -}}
{{- if .Values.temporal.encryptionSecret -}}
{{- $_ := set $settings "AIRUNWAY_TEMPORAL_ENCRYPTION_KEYS" "/etc/airunway-encryption" -}}
{{- end -}}
{{- if not .Values.images.enabled }}{{ $_ := set $settings "AIRUNWAY_IMAGE_BUILDS" "false" }}{{ end -}}
{{- with .Values.impersonation.account }}{{ $_ := set $settings "AIRUNWAY_IMPERSONATE" . }}{{ end -}}
{{- if .Values.modelAccess.enabled }}{{ $_ := set $settings "AIRUNWAY_MODEL_ACCESS" .Values.modelAccess.to }}{{ end -}}
{{- $elsewhere := dict
      "AIRUNWAY_TEMPORAL_ADDRESS" "temporal.address"
      "AIRUNWAY_TEMPORAL_NAMESPACE" "temporal.namespace"
      "AIRUNWAY_IMPERSONATE" "impersonation.account, which brings the rights"
      "AIRUNWAY_MODEL_ACCESS" "modelAccess.to with modelAccess.enabled, which brings the rights" -}}
{{- range $name, $value := $elsewhere -}}
{{- if hasKey $.Values.settings $name -}}
{{- fail (printf "settings.%s: say it by %s" $name $value) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := .Values.settings }}{{ $_ := set $settings $name (include "airunway.asText" $value) }}{{ end -}}
{{ toYaml $settings }}
{{- end }}

{{/* How a pod of ours is confined: level "restricted" of Pod Security. */}}
{{- define "airunway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "airunway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Annotations of a pod of ours: other settings are other pods. Given: the root. */}}
{{- define "airunway.podAnnotations" -}}
checksum/settings: {{ include "airunway.settings" . | sha256sum }}
{{- with .Values.pods.annotations }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where pods run, and what their images are pulled with. Given: the root. */}}
{{- define "airunway.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.pods.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.pods.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pods.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pods.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Variables beside the settings: fields of the pod, what the Secret of the connection holds, and the user's own. */}}
{{- define "airunway.env" -}}
{{- range $name, $path := .fields }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $path }}
{{- end }}
{{- $secret := .root.Values.temporal.secret }}
{{- range $name, $key := dict "AIRUNWAY_TEMPORAL_ADDRESS" $secret.address "AIRUNWAY_TEMPORAL_NAMESPACE" $secret.namespace }}
{{- if $key }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- range list .given .root.Values.env }}
{{- with . }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "airunway.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .Values.temporal.secret.name }}
- name: temporal
  mountPath: /etc/airunway-temporal
  readOnly: true
{{- end }}
{{- if .Values.temporal.encryptionSecret }}
- name: encryption
  mountPath: /etc/airunway-encryption
  readOnly: true
{{- end }}
{{- end }}

{{- define "airunway.volumes" -}}
{{- if .Values.temporal.secret.name }}
- name: temporal
  secret:
    secretName: {{ .Values.temporal.secret.name }}
{{- end }}
{{- if .Values.temporal.encryptionSecret }}
- name: encryption
  secret:
    secretName: {{ .Values.temporal.encryptionSecret }}
{{- end }}
{{- end }}

{{/*
Whether a Deployment that stands by has been started since, as `airunway migrate run` does: an upgrade leaves it
running then. Given: root, name.
*/}}
{{- define "airunway.isStarted" -}}
{{- $found := lookup "apps/v1" "Deployment" .root.Release.Namespace .name -}}
{{- if $found -}}
{{- if and (hasKey ($found.metadata.annotations | default dict) "airunway.ai/standby-replicas") (gt (int $found.spec.replicas) 0) -}}
true
{{- end -}}
{{- end -}}
{{- end }}

{{/*
A process of ours as a Deployment. Given: root, name, part, container, args, replicas (0: an autoscaler's), standsBy
(it has no pods before it is started), grace, resources, wait (seconds before the first look whether it is ready) and every (between looks); where they differ: namespace, account, command,
settings (ConfigMap), installer (its image), fields and given (variables), ports, labels (of the pod and of how it is found), together with
spread, lifecycle, medium of /tmp and secrets (by the end of /etc/airunway-…, where they are mounted).
*/}}
{{- define "airunway.process" -}}
{{- $root := .root -}}
{{- $found := .labels | default (dict "app.kubernetes.io/component" .part) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .namespace | default $root.Release.Namespace }}
  labels:
    {{- include "airunway.labels" .part | nindent 4 }}
    {{- range $key, $value := omit $found "app.kubernetes.io/component" }}
    {{ $key }}: {{ $value }}
    {{- end }}
  {{- if .standsBy }}
  annotations:
    airunway.ai/standby-replicas: {{ .replicas | quote }}
  {{- end }}
spec:
  {{- if and .standsBy (not (include "airunway.isStarted" (dict "root" $root "name" .name))) }}
  replicas: 0
  {{- else if .replicas }}
  replicas: {{ .replicas }}
  {{- end }}
  selector:
    matchLabels:
      app.kubernetes.io/name: airunway
      {{- toYaml $found | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "airunway.labels" .part | nindent 8 }}
        {{- range $key, $value := omit $found "app.kubernetes.io/component" }}
        {{ $key }}: {{ $value }}
        {{- end }}
      annotations:
        {{- include "airunway.podAnnotations" $root | nindent 8 }}
    spec:
      serviceAccountName: {{ .account | default .name }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      {{- if .spread }}
      topologySpreadConstraints:  # a lost node must not take both
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector:
          matchLabels:
            app.kubernetes.io/name: airunway
            {{- toYaml $found | nindent 12 }}
      {{- end }}
      {{- include "airunway.placement" $root | nindent 6 }}
      securityContext:
        {{- include "airunway.podSecurity" . | nindent 8 }}
      containers:
      - name: {{ .container }}
        image: {{ include "airunway.image" (dict "root" $root "installer" (.installer | default false)) }}
        imagePullPolicy: {{ $root.Values.image.pullPolicy }}
        {{- with .command }}
        command: {{ toJson . }}
        {{- end }}
        {{- with .args }}
        args: {{ toJson . }}
        {{- end }}
        envFrom:
        - configMapRef:
            name: {{ .settings | default "airunway-settings" }}
        env:
        {{- $fields := .fields | default (dict "AIRUNWAY_POD_NAMESPACE" "metadata.namespace" "POD_NAME" "metadata.name") }}
        {{- include "airunway.env" (dict "root" $root "fields" $fields "given" .given) | nindent 8 }}
        ports:
        {{- range .ports }}
        - name: {{ .name }}
          containerPort: {{ .port }}
          protocol: TCP
        {{- end }}
        - name: health
          containerPort: 8081
          protocol: TCP
        - name: metrics
          containerPort: 8443
          protocol: TCP
        livenessProbe:
          httpGet:
            path: /healthz
            port: health
          initialDelaySeconds: 15
          periodSeconds: 20
        readinessProbe:
          httpGet:
            path: /readyz
            port: health
          initialDelaySeconds: {{ .wait | default 5 }}
          periodSeconds: {{ .every | default 10 }}
        {{- with .lifecycle }}
        lifecycle:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        resources:
          {{- toYaml .resources | nindent 10 }}
        securityContext:
          {{- include "airunway.containerSecurity" . | nindent 10 }}
        volumeMounts:
        {{- include "airunway.mounts" $root | nindent 8 }}
        {{- range $name, $secret := .secrets }}
        {{- if $secret }}
        - name: {{ $name }}
          mountPath: /etc/airunway-{{ $name }}
          readOnly: true
        {{- end }}
        {{- end }}
      volumes:
      - name: tmp
        emptyDir: {{ if .medium }}{medium: {{ .medium }}}{{ else }}{}{{ end }}
      {{- include "airunway.volumes" $root | nindent 6 }}
      {{- range $name, $secret := .secrets }}
      {{- if $secret }}
      - name: {{ $name }}
        secret:
          secretName: {{ $secret }}
      {{- end }}
      {{- end }}
{{- end }}

{{/* A ClusterRole's binding to an account of ours. Given: root, name, role, account, part. */}}
{{- define "airunway.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "airunway.labels" .part | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ .role }}
subjects:
- kind: ServiceAccount
  name: {{ .account }}
  namespace: {{ .namespace | default .root.Release.Namespace }}
{{- end }}

{{/*
A binding of a role for objects: everywhere, or in the namespaces that are chosen. Given: as airunway.binding.
*/}}
{{- define "airunway.bindingForObjects" -}}
{{- if .root.Values.chosenNamespaces }}
{{- $given := . }}
{{- range .root.Values.chosenNamespaces }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $given.name }}
  namespace: {{ . }}
  labels:
    {{- include "airunway.labels" $given.part | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $given.role }}
subjects:
- kind: ServiceAccount
  name: {{ $given.account }}
  namespace: {{ $given.root.Release.Namespace }}
{{- end }}
{{- else }}
---
{{ include "airunway.binding" . }}
{{- end }}
{{- end }}

{{/*
A ClusterRole's binding to all that write for deployments: everywhere, or in the namespaces that are chosen. Given: root,
name (of both).
*/}}
{{- define "airunway.bindingOfWriters" -}}
{{- $given := . -}}
{{- range .root.Values.chosenNamespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "RoleBinding" "ClusterRoleBinding" (ne . "") }}
metadata:
  name: {{ $given.name }}
  {{- with . }}
  namespace: {{ . }}
  {{- end }}
  labels:
    app.kubernetes.io/name: airunway
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $given.name }}
subjects:
{{- range include "airunway.writers" $given.root | fromYamlArray }}
- kind: ServiceAccount
  name: {{ . }}
  namespace: {{ $given.root.Release.Namespace }}
{{- end }}
{{- end }}
{{- end }}

{{/* A namespaced Role's binding to an account. Given: name, namespace, account, of (its namespace), part. */}}
{{- define "airunway.roleBinding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "airunway.labels" .part | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ .account }}
  namespace: {{ .of }}
{{- end }}

{{/* The providers that are served, by name, with what their files say: a dictionary as YAML. */}}
{{- define "airunway.providers" -}}
{{- $found := dict }}
{{- range $name, $given := .Values.providers }}
{{- if $given.enabled }}
{{- $file := $.Files.Get (printf "files/providers/%s.yaml" $name) }}
{{- if not $file }}
{{- fail (printf "providers.%s: this chart has no provider of that name; one from outside brings manifests of its own" $name) }}
{{- end }}
{{- $_ := set $found $name (fromYaml $file) }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{/* Accounts of workers that change what deployments are made of: a list as YAML. */}}
{{- define "airunway.writers" -}}
- airunway-worker
{{- if not .Values.allInOne }}
{{- range $name, $_ := include "airunway.providers" . | fromYaml }}
- airunway-{{ $name }}-provider
{{- end }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a definition or namespace that outlives the release. */}}
{{- define "airunway.keep" -}}
helm.sh/resource-policy: keep
{{- end }}

{{/*
Whether an object of the cluster is somebody else's: it is there, and no release of this name has it. Given: root,
apiVersion, kind, name. Such a one is left as it is; Helm would refuse to install.
*/}}
{{- define "airunway.isForeign" -}}
{{- $found := lookup .apiVersion .kind "" .name -}}
{{- if $found -}}
{{- $annotations := $found.metadata.annotations | default dict -}}
{{- if or (ne (index $annotations "meta.helm.sh/release-name" | default "") .root.Release.Name) (ne (index $annotations "meta.helm.sh/release-namespace" | default "") .root.Release.Namespace) -}}
true
{{- end -}}
{{- end -}}
{{- end }}
