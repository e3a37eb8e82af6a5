// What t/97-contrib/kubernetes.t asks of YAML: what kustomize makes of a
// folder, whether Kubernetes would take it, and whether a mistake would be
// noticed.
//   node kube.js MODULES render PATH...   the objects of each file or folder
//   node kube.js MODULES complaints PATH...   and complaints about them
//   node kube.js MODULES check PATH...    and how many mutants were tried, and
//       those that no check noticed
// MODULES has the npm packages of t/lib/kube.packages: js-yaml and the
// schemas of Kubernetes, cert-manager and the Prometheus operator, which are
// functions there.
'use strict';

const fs = require('fs');
const path = require('path');
const [modules, verb, ...paths] = process.argv.slice(2);
const from = require('module').createRequire(path.resolve(modules) + '/x');
const yaml = from('js-yaml');

const load = (file) => yaml.loadAll(fs.readFileSync(file, 'utf8'));

function only(object, ...known) {
	for (const key of Object.keys(object))
		if (!known.includes(key))
			throw new Error(`kube.js knows no ${key} here`);
}

// RFC 7386. Kustomize merges lists by their keys; no patch of ours has one.
function merge(to, patch) {
	for (const [key, value] of Object.entries(patch)) {
		if (Array.isArray(value))
			throw new Error(`kube.js merges no lists: ${key}`);
		if (value === null)
			delete to[key];
		else if (typeof value === 'object')
			merge(to[key] ??= {}, value);
		else
			to[key] = value;
	}
	if (to.annotations && !Object.keys(to.annotations).length)
		delete to.annotations;
}

// RFC 6902, as far as needed.
function operate(object, op) {
	const keys = op.path.slice(1).split('/');
	const last = keys.pop();
	const at = keys.reduce((o, key) => o[key], object);

	only(op, 'op', 'path', 'value');
	if (op.op === 'remove' && last in at)
		delete at[last];
	else if (op.op === 'replace' && last in at)
		at[last] = op.value;
	else
		throw new Error(`cannot ${op.op} ${op.path}`);
}

function apply(objects, patch, target) {
	const hit = objects.filter((o) => o.kind === target.kind &&
	    o.metadata.name === target.name);

	if (hit.length !== 1)
		throw new Error(`a patch hits ${hit.length} objects`);
	if (Array.isArray(patch))
		patch.forEach((op) => operate(hit[0], op));
	else
		merge(hit[0], patch);
}

function configMap(folder, generator) {
	const { name, files, options } = generator;
	const data = {};

	only(generator, 'name', 'files', 'options');
	only(options, 'disableNameSuffixHash', 'labels');
	for (const file of files) {
		const [key, from] = file.split('=');
		data[key] = fs.readFileSync(path.join(folder, from), 'utf8');
	}
	return { apiVersion: 'v1', kind: 'ConfigMap', data,
		metadata: { name, labels: options.labels } };
}

function build(folder) {
	const [k] = load(path.join(folder, 'kustomization.yaml'));
	const objects = [];

	only(k, 'apiVersion', 'kind', 'resources', 'components', 'patches',
	    'configMapGenerator');
	for (const name of k.resources ?? [])
		objects.push(...render(path.join(folder, name)));
	for (const g of k.configMapGenerator ?? [])
		objects.push(configMap(folder, g));
	// Ours add objects and patch none.
	for (const name of k.components ?? [])
		objects.push(...render(path.join(folder, name)));
	for (const p of k.patches ?? []) {
		only(p, 'path', 'patch', 'target');
		const [patch] = p.path ? load(path.join(folder, p.path))
		    : yaml.loadAll(p.patch);
		apply(objects, patch, p.target ??
		    { kind: patch.kind, name: patch.metadata.name });
	}
	return objects;
}

function render(name) {
	return fs.statSync(name).isDirectory() ? build(name) : load(name);
}

// The schema's own function; it takes anything, and has left its complaints
// in .errors when it says no.
function schema(object) {
	const packages = ['kubernetes-models',
	    '@kubernetes-models/cert-manager',
	    '@kubernetes-models/prometheus-operator'];

	for (const name of packages) {
		const base = path.join(modules, 'node_modules', name);
		const file = path.join(base, object.apiVersion,
		    `${object.kind}.js`);
		if (!fs.existsSync(file))
			continue;
		const text = fs.readFileSync(file, 'utf8');
		const [, at] = text.match(/require\("([./]+_schemas\/[^"]+)"\)/);
		return from(path.resolve(path.dirname(file), at)).validate;
	}
	throw new Error(`no schema: ${object.apiVersion} ${object.kind}`);
}

// These schemas let unknown fields pass, as the API's own do; the server
// refuses them when it decodes. But they ask for each field they know by its
// name: a field that the schema does not name is unknown. Who wants to
// know all the keys of an object takes any.
function watched(value, at, unknown) {
	if (value === null || typeof value !== 'object')
		return value;
	const left = new Set(Object.keys(value));
	const copy = Array.isArray(value) ? [] : {};
	for (const key of left)
		copy[key] = watched(value[key], `${at}/${key}`, unknown);
	unknown.push(() => [...left].map((key) => `${at}/${key}`));
	return new Proxy(copy, {
		get(o, key) {
			left.delete(key);
			return o[key];
		},
		ownKeys(o) {
			left.clear();
			return Reflect.ownKeys(o);
		},
	});
}

function check(object) {
	const unknown = [];
	const name = `${object.kind} ${object.metadata?.name}`;
	const validate = schema(object);
	const good = validate(watched(object, '', unknown));
	const complaints = good ? [] : validate.errors.map((e) =>
	    `${name}: ${e.instancePath} ${e.message ?? e.keyword}`);

	for (const list of unknown)
		for (const field of list())
			complaints.push(`${name}: ${field}: unknown field`);
	return complaints;
}

// Every place of an object, as the list of keys that leads there.
function* places(value, keys = []) {
	if (value === null || typeof value !== 'object')
		return;
	yield keys;
	for (const key of Object.keys(value))
		yield* places(value[key], [...keys, key]);
}

// Where any key is welcome.
const free = /^(annotations|labels|matchLabels|selector|data|limits|requests)$/;

// Each object with one mistake: a field too many somewhere, or a field whose
// value is of another kind. Returns those that no check notices.
function mutants(object) {
	const missed = [];
	let count = 0;

	for (const keys of places(object)) {
		const copy = JSON.parse(JSON.stringify(object));
		const at = keys.reduce((o, key) => o[key], copy);
		const own = keys[keys.length - 1] ?? '';
		if (Array.isArray(at)) {
			const parent = keys.slice(0, -1)
			    .reduce((o, key) => o[key], copy);
			parent[own] = 'not a list';
		} else if (free.test(own) && !('matchLabels' in at)) {
			continue;
		} else {
			at.bogus = 1;
		}
		count++;
		if (!check(copy).length)
			missed.push(`${object.kind}: /${keys.join('/')}`);
	}
	return { count, missed };
}

function complaints(objects) {
	return { objects, complaints: objects.flatMap(check) };
}

function examine(objects) {
	const all = objects.map(mutants);

	return {
		...complaints(objects),
		mutants: all.reduce((n, m) => n + m.count, 0),
		missed: all.flatMap((m) => m.missed),
	};
}

const verbs = { render: (objects) => objects, complaints, check: examine };
const answer = {};
for (const name of paths)
	answer[name] = verbs[verb](render(name));
console.log(JSON.stringify(answer));
