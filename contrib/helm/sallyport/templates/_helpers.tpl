{{- define "sallyport.name" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{/* Labels of an object: "name" is its own, "root" the chart's scope. */}}
{{- define "sallyport.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* The labels by which objects are selected. */}}
{{- define "sallyport.selector" -}}
app.kubernetes.io/name: {{ include "sallyport.name" . }}
{{- end -}}

{{/* What every container may not do. */}}
{{- define "sallyport.locked" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* User and group of a pod of ours. */}}
{{- define "sallyport.user" -}}
runAsUser: 65532
runAsGroup: 65532
{{- end -}}

{{- define "sallyport.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "sallyport.priorityClass" -}}
{{- $p := .Values.priorityClass -}}
{{- $p.name | default (ternary (include "sallyport.name" .) "" $p.create) -}}
{{- end -}}

{{/* The configuration with what the chart adds, as YAML. */}}
{{- define "sallyport.config" -}}
{{- $o := .Values.objects -}}
{{- $add := dict
  "daemon" (dict "admin_socket" "/run/sallyport/admin.sock" "http_listen" 9884)
  "tls" (dict "certificate" "tls.crt" "private_key" "tls.key" "client_ca" "client-ca.crt")
-}}
{{- if $o.crl }}{{ $_ := set $add.tls "crl" "client-ca.crl" }}{{ end -}}
{{- if $o.ticketKeys }}{{ $_ := set $add.tls "ticket_keys" "ticket.keys" }}{{ end -}}
{{- if $o.denylist }}
{{- $_ := set $add "denylist" (dict "file" "denylist.csv") -}}
{{- end -}}
{{- if .Values.trustedProxies }}
{{- range $section, $_ := .Values.config }}
{{- if hasPrefix "listener " $section }}
{{- $_ := set $add $section (dict "accept_proxy" "required" "trusted_proxies" $.Values.trustedProxies) -}}
{{- end }}
{{- end }}
{{- end -}}
{{- with .Values.fleet }}{{ if .enabled }}
{{- $valkey := printf "%s-valkey:6379" (include "sallyport.name" $) -}}
{{- $_ := set $add "fleet" (dict "address" (.address | default $valkey)
  "username" .username "password" "${env:FLEET_PASSWORD}"
  "copy" "/run/sallyport/fleet.copy") -}}
{{- end }}{{ end -}}
{{- mustMergeOverwrite $add (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* A configuration as an ini file. */}}
{{- define "sallyport.ini" -}}
{{- range $section, $options := . }}
{{- if $options }}
[{{ $section }}]
{{- range $key, $value := $options }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "sallyport.value" $value }}
{{- end }}
{{- end }}
{{ end }}
{{- end }}
{{- end -}}

{{- define "sallyport.value" -}}
{{- if kindIs "string" . }}{{ . }}
{{- else if kindIs "bool" . }}{{ ternary "on" "off" . }}
{{- else if kindIs "slice" . }}{{ join ", " . }}
{{- else }}{{ toJson . }}{{/* not 1e+06 */}}
{{- end -}}
{{- end -}}

{{/* The listeners' names and ports, as YAML. */}}
{{- define "sallyport.listeners" -}}
{{- range $section, $options := .Values.config }}
{{- if and $options (hasPrefix "listener " $section) }}
{{ trimPrefix "listener " $section }}: {{ include "sallyport.value" $options.bind | regexFind "[0-9]+$" }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Sallyport's own container, in a pod of its own or beside the broker. */}}
{{- define "sallyport.container" -}}
name: sallyport
image: {{ include "sallyport.image" (dict "image" .Values.image "root" .) }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
# A configuration that is refused is told in kubectl describe pod.
terminationMessagePolicy: FallbackToLogsOnError
{{- if .Values.sidecar.enabled }}
# This makes a sidecar of it: up before the broker, restarted by itself, and
# ended after it. Not so its preStop hook, which runs at once: devices leave
# first, the broker waits for them.
restartPolicy: Always
{{- end }}
{{- if .Values.fleet.enabled }}
envFrom:
  - secretRef:
      name: {{ .Values.fleet.secret }}
{{- end }}
ports:
  {{- range $name, $port := include "sallyport.listeners" . | fromYaml }}
  - name: {{ $name }}
    containerPort: {{ $port }}
  {{- end }}
  - name: http
    containerPort: 9884
# Not /readyz: it waits for the broker, which may wait for this.
startupProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 1
  failureThreshold: 30
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
# Below drain_delay, so that the balancer is told in time.
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 1
# SIGTERM alone would do; this shows in the pod's events and works as it does in
# a sidecar.
lifecycle:
  preStop:
    exec:
      command:
        - /usr/bin/sallyportctl
        - -s
        - /run/sallyport/admin.sock
        - drain
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- if .Values.sidecar.enabled }}
  {{- include "sallyport.user" . | nindent 2 }}
  {{- end }}
  {{- include "sallyport.locked" . | nindent 2 }}
volumeMounts:
  - name: {{ include "sallyport.volume" . }}
    mountPath: /etc/sallyport
    readOnly: true
  - name: run
    mountPath: /run/sallyport
{{- end -}}

{{/* In a sidecar the broker's files are the volume "config". */}}
{{- define "sallyport.volume" -}}
{{- ternary "sallyport" "config" .Values.sidecar.enabled -}}
{{- end -}}

{{- define "sallyport.ini.map" -}}
{{- include "sallyport.name" . }}{{ if .Values.sidecar.enabled }}-sallyport{{ end -}}
{{- end -}}

{{- define "sallyport.volumes" -}}
# One volume, so that all of it changes at once: a new certificate never meets
# an old key. No subPath: such a file never changes.
- name: {{ include "sallyport.volume" . }}
  projected:
    defaultMode: 288 # 0440
    sources:
      - configMap:
          name: {{ include "sallyport.ini.map" . }}
          items:
            - key: sallyport.ini
              path: sallyport.ini
      {{- with .Values.objects.denylist }}
      - configMap:
          name: {{ . }}
          items:
            - key: denylist.csv
              path: denylist.csv
      {{- end }}
      - configMap:
          name: {{ .Values.objects.clientCa }}
          items:
            - key: ca.crt
              path: client-ca.crt
      {{- with .Values.objects.crl }}
      - configMap:
          name: {{ . }}
          items:
            - key: client-ca.crl
              path: client-ca.crl
      {{- end }}
      - secret:
          name: {{ .Values.objects.tls }}
          items:
            - key: tls.crt
              path: tls.crt
            - key: tls.key
              path: tls.key
      {{- with .Values.objects.ticketKeys }}
      - secret:
          name: {{ . }}
          items:
            - key: keys
              path: ticket.keys
      {{- end }}
      {{- with .Values.extraSources }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
- name: run
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- end -}}

{{/* The parts of a pod of a CronJob that are the same in all. */}}
{{- define "sallyport.job.env" -}}
env:
  - name: WORK
    value: /work
  - name: HOME
    value: /work
resources:
  requests:
    cpu: 10m
    memory: 64Mi
  limits:
    memory: 128Mi
securityContext:
  {{- include "sallyport.locked" . | nindent 2 }}
{{- end -}}

{{/* ServiceAccount, Role and RoleBinding of a job: may read and change one
object, and nothing else. Fields: root, name, resource, object. */}}
{{- define "sallyport.job.rights" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
rules:
  - apiGroups:
      - ""
    resources:
      - {{ .resource }}
    resourceNames:
      - {{ .object }}
    verbs:
      - get
      - patch
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .name }}
{{- end -}}
