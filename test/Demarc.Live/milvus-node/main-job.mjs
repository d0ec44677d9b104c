// The main job of a Milvus instance, driven by the official Node SDK as its users drive it. Nothing here knows what
// serves: it runs against any Milvus-compatible address. Prints a line per check and ends with the count.
//
//   DEMARC_URI       host:port or http://host:port
//   DEMARC_USER      user name; leave out when logins are off
//   DEMARC_PASSWORD  its password
import assert from 'node:assert/strict';
import { MilvusClient, DataType, LoadState, IndexState } from '@zilliz/milvus2-sdk-node';

const address = process.env.DEMARC_URI ?? '127.0.0.1:19530';
const username = process.env.DEMARC_USER ?? '';
const password = process.env.DEMARC_PASSWORD ?? '';
const withLogin = username !== '' && password !== '';
const options = { address, username, password, timeout: 20_000, telemetry: { enabled: false } };
const suffix = process.pid;
const name = `demarc_live_${suffix}`;
const autoName = `demarc_live_auto_${suffix}`;
const textName = `demarc_live_text_${suffix}`;
const dim = 8;
const count = 500;

let passed = 0;
let failed = 0;
async function check(what, act) {
  try {
    await act();
    passed++;
    console.log(`ok ${what}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${what}: ${error?.message ?? JSON.stringify(error)}`);
  }
}

const ok = answer => {
  const status = answer.status ?? answer;
  assert.equal(status.error_code, 'Success', `${status.code} ${status.reason}`);
  return answer;
};

// Deterministic vectors: the same run everywhere.
function vector(seed) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length: dim }, () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const squared = (a, b) => a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0);
const rows = Array.from({ length: count }, (_, i) => ({
  id: i,
  vec: vector(i),
  title: `row ${i}`,
  flag: i % 2 === 0,
  tiny: i % 100,
  short: i * 3,
  whole: i * 1000,
  ratio: i / 4,
  exact: i / 8,
  info: { tag: `t${i % 5}`, nested: { depth: i % 3 }, list: [i % 7, i % 11] },
  color: ['red', 'green', 'blue'][i % 3],
}));
const nearest = (query, score, descending, keep = () => true) =>
  rows
    .filter(keep)
    .map(r => ({ id: String(r.id), score: score(query, r.vec) }))
    .sort((a, b) => (descending ? b.score - a.score : a.score - b.score) || a.id - b.id);
const sameOrder = (found, expected) => {
  assert.deepEqual(found.map(r => String(r.id)), expected.slice(0, found.length).map(r => r.id));
  found.forEach((r, i) => assert.ok(Math.abs(r.score - expected[i].score) < 1e-4, `score ${r.score} is not ${expected[i].score}`));
};

const client = new MilvusClient(options);

await check('connect', async () => {
  await client.connectPromise;
  assert.equal(client.connectStatus, 1);
});
await check('getVersion', async () => assert.match(ok(await client.getVersion()).version, /^\d+\.\d+/));
await check('checkHealth', async () => assert.equal(ok(await client.checkHealth()).isHealthy, true));
await check('listDatabases', async () => assert.ok(ok(await client.listDatabases()).db_names.includes('default')));
await check('describeDatabase', async () => assert.equal(ok(await client.describeDatabase({ db_name: 'default' })).db_name, 'default'));

if (withLogin) {
  await check('a wrong password is refused with Milvus\'s own code', async () => {
    const stranger = new MilvusClient({ ...options, password: password + 'x' });
    await assert.rejects(
      async () => {
        await stranger.connectPromise;
        await stranger.listCollections();
      },
      error => {
        assert.equal(error.code, 16);
        assert.match(error.details, /auth check failure, please check username and password are correct/);
        return true;
      });
    await stranger.closeConnection();
  });
  await check('an unknown user is refused the same way', async () => {
    const stranger = new MilvusClient({ ...options, username: 'nobody_here' });
    await assert.rejects(async () => { await stranger.connectPromise; await stranger.listCollections(); }, error => error.code === 16 && /please check username and password/.test(error.details));
    await stranger.closeConnection();
  });
  await check('no credential is refused', async () => {
    const stranger = new MilvusClient({ address, timeout: 20_000, telemetry: { enabled: false } });
    await assert.rejects(async () => { await stranger.connectPromise; await stranger.listCollections(); }, error => error.code === 16 && /missing authorization in header/.test(error.details));
    await stranger.closeConnection();
  });
}

await check('createCollection', async () => ok(await client.createCollection({
  collection_name: name,
  description: 'the main job',
  enable_dynamic_field: true,
  fields: [
    { name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: false },
    { name: 'vec', data_type: DataType.FloatVector, dim },
    { name: 'title', data_type: DataType.VarChar, max_length: 200 },
    { name: 'flag', data_type: DataType.Bool },
    { name: 'tiny', data_type: DataType.Int8 },
    { name: 'short', data_type: DataType.Int16 },
    { name: 'whole', data_type: DataType.Int32 },
    { name: 'ratio', data_type: DataType.Float },
    { name: 'exact', data_type: DataType.Double },
    { name: 'info', data_type: DataType.JSON },
    { name: 'maybe', data_type: DataType.Int64, nullable: true },
  ],
})));
await check('createCollection again with the same schema', async () => ok(await client.createCollection({
  collection_name: autoName,
  fields: [{ name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: true }, { name: 'vec', data_type: DataType.FloatVector, dim }],
})) && ok(await client.createCollection({
  collection_name: autoName,
  fields: [{ name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: true }, { name: 'vec', data_type: DataType.FloatVector, dim }],
})));
await check('createCollection with another schema under the same name is refused', async () => {
  await assert.rejects(client.createCollection({
    collection_name: autoName,
    fields: [{ name: 'key', data_type: DataType.Int64, is_primary_key: true }, { name: 'vec', data_type: DataType.FloatVector, dim: 16 }],
  }), status => /create duplicate collection with different parameters/.test(status.reason));
});
await check('hasCollection', async () => {
  assert.equal((await client.hasCollection({ collection_name: name })).value, true);
  assert.equal((await client.hasCollection({ collection_name: 'not_there' })).value, false);
});
await check('describeCollection', async () => {
  const d = ok(await client.describeCollection({ collection_name: name }));
  assert.equal(d.schema.enable_dynamic_field, true);
  assert.equal(d.schema.fields.length, 11);
  assert.equal(Number(d.schema.fields.find(f => f.name === 'vec').dim), dim);
});
await check('describeCollection of what is not there: code 100', async () => {
  const d = await client.describeCollection({ collection_name: 'not_there' });
  assert.equal(d.status.code, 100);
  // The old enumeration says no more here than that it failed; the official suite holds a server to that.
  assert.equal(d.status.error_code, 'UnexpectedError');
  assert.match(d.status.reason, /can't find collection\[database=default\]\[collection=not_there\]/);
});
await check('showCollections', async () => assert.ok(ok(await client.showCollections()).data.some(c => c.name === name)));

await check('insert', async () => {
  const answer = ok(await client.insert({ collection_name: name, data: rows.map((r, i) => (i % 4 === 0 ? r : { ...r, maybe: i })) }));
  assert.equal(Number(answer.insert_cnt), count);
  assert.equal(answer.IDs.int_id.data.length, count);
});
await check('insert with a wrong dimension is refused', async () => {
  const answer = await client.insert({ collection_name: name, data: [{ ...rows[0], vec: [1, 2, 3] }] });
  assert.notEqual(answer.status.error_code, 'Success');
  assert.match(answer.status.reason, /dim/);
});
await check('search before load: code 101', async () => {
  const answer = await client.search({ collection_name: name, data: rows[0].vec, limit: 3 });
  assert.equal(answer.status.code, 101);
});
await check('load without an index: refused', async () => {
  await assert.rejects(client.loadCollection({ collection_name: name }), error => /please create index firstly/.test(error.message));
});
await check('createIndex', async () => ok(await client.createIndex({ collection_name: name, field_name: 'vec', index_name: 'vec_index', index_type: 'HNSW', metric_type: 'COSINE', params: { M: 16, efConstruction: 100 } })));
await check('createIndex on a scalar field', async () => ok(await client.createIndex({ collection_name: name, field_name: 'title', index_type: 'INVERTED' })));
await check('describeIndex', async () => {
  const d = ok(await client.describeIndex({ collection_name: name, field_name: 'vec' }));
  assert.equal(d.index_descriptions[0].index_name, 'vec_index');
  assert.equal(d.index_descriptions[0].params.find(p => p.key === 'metric_type').value, 'COSINE');
});
await check('getIndexState', async () => assert.equal(ok(await client.getIndexState({ collection_name: name, field_name: 'vec' })).state, IndexState[IndexState.Finished]));
await check('getIndexBuildProgress', async () => {
  const p = ok(await client.getIndexBuildProgress({ collection_name: name, field_name: 'vec' }));
  assert.equal(p.indexed_rows, p.total_rows);
});
await check('getIndexStatistics', async () => assert.ok(ok(await client.getIndexStatistics({ collection_name: name })).index_descriptions.length >= 1));
await check('describeIndex of what is not there: code 700', async () => {
  const d = await client.describeIndex({ collection_name: name, field_name: 'ratio' });
  assert.equal(d.status.code, 700);
  assert.equal(d.status.error_code, 'IndexNotExist');
});
await check('loadCollectionSync', async () => ok(await client.loadCollectionSync({ collection_name: name })));
await check('getLoadingProgress', async () => assert.equal(Number(ok(await client.getLoadingProgress({ collection_name: name })).progress), 100));
await check('getLoadState', async () => assert.equal(ok(await client.getLoadState({ collection_name: name })).state, LoadState.LoadStateLoaded));
await check('flushSync', async () => assert.equal(ok(await client.flushSync({ collection_names: [name] })).flushed, true));
await check('getFlushState', async () => assert.equal(ok(await client.getFlushState({ collection_name: name })).flushed, true));
await check('getPersistentSegmentInfo', async () => {
  const info = ok(await client.getPersistentSegmentInfo({ collectionName: name }));
  assert.equal(info.infos.reduce((sum, s) => sum + Number(s.num_rows), 0), count);
});
await check('getCollectionStatistics', async () => assert.equal(Number(ok(await client.getCollectionStatistics({ collection_name: name })).data.row_count), count));

await check('search COSINE', async () => {
  const query = vector(7);
  const answer = ok(await client.search({ collection_name: name, data: query, limit: 10, output_fields: ['id', 'title', 'color'] }));
  sameOrder(answer.results, nearest(query, cosine, true));
  assert.equal(answer.results[0].id, '7');
  assert.equal(answer.results[0].title, 'row 7');
  assert.equal(answer.results[0].color, 'green');
});
await check('search with a filter', async () => {
  const query = vector(1001);
  const answer = ok(await client.search({ collection_name: name, data: query, limit: 10, filter: 'whole >= 100000 and color == "red"', output_fields: ['id'] }));
  sameOrder(answer.results, nearest(query, cosine, true, r => r.whole >= 100000 && r.color === 'red'));
});
await check('search with limit and offset', async () => {
  const query = vector(1002);
  const answer = ok(await client.search({ collection_name: name, data: query, limit: 5, offset: 5, output_fields: ['id'] }));
  sameOrder(answer.results, nearest(query, cosine, true).slice(5));
});
await check('search with several vectors', async () => {
  const queries = [vector(2001), vector(2002), vector(2003)];
  const answer = ok(await client.search({ collection_name: name, data: queries, limit: 4, output_fields: ['id'] }));
  assert.equal(answer.results.length, 3);
  queries.forEach((q, i) => sameOrder(answer.results[i], nearest(q, cosine, true)));
});
await check('search with all output fields', async () => {
  const answer = ok(await client.search({ collection_name: name, data: rows[42].vec, limit: 1, output_fields: ['*'] }));
  const r = answer.results[0];
  assert.equal(r.flag, true);
  assert.equal(r.tiny, 42);
  assert.equal(r.short, 126);
  assert.equal(r.whole, 42000);
  assert.equal(r.ratio, 10.5);
  assert.equal(r.exact, 5.25);
  assert.equal(r.info.tag, 't2');
  assert.equal(r.maybe, '42');
  assert.ok(Math.abs(r.vec[0] - rows[42].vec[0]) < 1e-6);
});
await check('search with another metric than the index: refused', async () => {
  const answer = await client.search({ collection_name: name, data: vector(1), limit: 1, metric_type: 'L2' });
  assert.equal(answer.status.code, 1100);
});
await check('search with a wrong dimension: refused', async () => {
  const answer = await client.search({ collection_name: name, data: [1, 2, 3], limit: 1 });
  assert.match(answer.status.reason, /dimension/);
});
await check('search with a limit beyond 16384: refused', async () => {
  const answer = await client.search({ collection_name: name, data: vector(1), limit: 16385 });
  assert.match(answer.status.reason, /topk \[16385\] is invalid/);
});

const ids = answer => ok(answer).data.map(r => Number(r.id)).sort((a, b) => a - b);
const filters = [
  ['id in [1, 2, 3]', r => [1, 2, 3].includes(r.id)],
  ['id not in [1, 2, 3] and id < 10', r => r.id < 10 && ![1, 2, 3].includes(r.id)],
  ['10 < id <= 15', r => r.id > 10 && r.id <= 15],
  ['title like "row 49%"', r => r.title.startsWith('row 49')],
  ['flag == true && tiny < 5', r => r.flag && r.tiny < 5],
  ['not (id > 3)', r => !(r.id > 3)],
  ['info["tag"] == "t3" and id < 50', r => r.info.tag === 't3' && r.id < 50],
  ['info["nested"]["depth"] == 2 and id < 30', r => r.info.nested.depth === 2 && r.id < 30],
  ['color in ["red", "blue"] and id < 12', r => r.color !== 'green' && r.id < 12],
  ['$meta["color"] == "green" and id < 12', r => r.color === 'green' && r.id < 12],
  ['json_contains(info["list"], 6) and id < 40', r => r.info.list.includes(6) && r.id < 40],
  ['ratio == 2.5 or exact == 1.25', r => r.ratio === 2.5 || r.exact === 1.25],
  ['id % 100 == 7', r => r.id % 100 === 7],
  ['whole + 1 == 5001', r => r.whole === 5000],
  ['maybe is null and id < 20', r => r.id % 4 === 0 && r.id < 20],
  ['maybe is not null and id < 6', r => r.id % 4 !== 0 && r.id < 6],
];
for (const [filter, keep] of filters) {
  await check(`query ${filter}`, async () => assert.deepEqual(ids(await client.query({ collection_name: name, filter, output_fields: ['id'] })), rows.filter(keep).map(r => r.id)));
}
await check('query with template values', async () =>
  assert.deepEqual(ids(await client.query({ collection_name: name, filter: 'id in {keys} and whole > {low}', exprValues: { keys: [3, 4, 5], low: 3500 }, output_fields: ['id'] })), [4, 5]));
await check('query with limit and offset', async () =>
  assert.deepEqual(ids(await client.query({ collection_name: name, filter: 'id >= 0', limit: 5, offset: 10, output_fields: ['id'] })), [10, 11, 12, 13, 14]));
await check('query count(*)', async () => assert.equal(Number(ok(await client.query({ collection_name: name, filter: 'tiny == 1', output_fields: ['count(*)'] })).data[0]['count(*)']), rows.filter(r => r.tiny === 1).length));
await check('count', async () => assert.equal((await client.count({ collection_name: name })).data, count));
await check('get', async () => {
  const answer = ok(await client.get({ collection_name: name, ids: [5, 6], output_fields: ['id', 'title', 'info'] }));
  assert.deepEqual(answer.data.map(r => r.title), ['row 5', 'row 6']);
  assert.deepEqual(answer.data[1].info, rows[6].info);
});
await check('query with a mistake in the filter: refused', async () => {
  const answer = await client.query({ collection_name: name, filter: 'whole > "text"', output_fields: ['id'] }).catch(error => error);
  assert.equal(answer.status?.code ?? 1100, 1100);
});

await check('upsert', async () => {
  const answer = ok(await client.upsert({ collection_name: name, data: [{ ...rows[9], title: 'changed', color: 'violet' }, { ...rows[9], id: 9000, title: 'new' }] }));
  assert.equal(Number(answer.upsert_cnt), 2);
  const read = ok(await client.get({ collection_name: name, ids: [9, 9000], output_fields: ['id', 'title', 'color'] }));
  assert.deepEqual(read.data.map(r => r.title), ['changed', 'new']);
  assert.equal((await client.count({ collection_name: name })).data, count + 1);
});
await check('delete by key', async () => {
  ok(await client.delete({ collection_name: name, ids: [9000, 0] }));
  assert.equal((await client.count({ collection_name: name })).data, count - 1);
  assert.deepEqual(ids(await client.query({ collection_name: name, filter: 'id in [0, 9000]', output_fields: ['id'] })), []);
});
await check('delete by filter', async () => {
  const answer = ok(await client.delete({ collection_name: name, filter: 'id >= 400 and color == "red"' }));
  const gone = rows.filter(r => r.id >= 400 && r.color === 'red').length;
  assert.equal(Number(answer.delete_cnt), gone);
  assert.equal((await client.count({ collection_name: name })).data, count - 1 - gone);
});
await check('deleted rows are not found by search', async () => {
  const answer = ok(await client.search({ collection_name: name, data: rows[0].vec, limit: 3, output_fields: ['id'] }));
  assert.ok(!answer.results.some(r => r.id === '0'));
});

for (const [metric, score, descending] of [['L2', squared, false], ['IP', dot, true]]) {
  await check(`search ${metric}, with keys made by the server`, async () => {
    ok(await client.createCollection({
      collection_name: `${autoName}_${metric}`,
      fields: [{ name: 'id', data_type: DataType.Int64, is_primary_key: true, autoID: true }, { name: 'vec', data_type: DataType.FloatVector, dim }, { name: 'n', data_type: DataType.Int64 }],
      index_params: [{ field_name: 'vec', index_type: 'AUTOINDEX', metric_type: metric }],
    }));
    const inserted = ok(await client.insert({ collection_name: `${autoName}_${metric}`, data: rows.map(r => ({ vec: r.vec, n: r.id })) }));
    assert.equal(new Set(inserted.IDs.int_id.data).size, count);
    const query = vector(3001);
    const answer = ok(await client.search({ collection_name: `${autoName}_${metric}`, data: query, limit: 10, output_fields: ['n'] }));
    sameOrder(answer.results.map(r => ({ id: r.n, score: r.score })), nearest(query, score, descending));
    ok(await client.dropCollection({ collection_name: `${autoName}_${metric}` }));
  });
}
await check('a collection with text keys', async () => {
  ok(await client.createCollection({
    collection_name: textName,
    enable_dynamic_field: true,
    fields: [{ name: 'key', data_type: DataType.VarChar, is_primary_key: true, max_length: 64 }, { name: 'vector', data_type: DataType.FloatVector, dim: 4 }],
    index_params: [{ field_name: 'vector', index_type: 'FLAT', metric_type: 'COSINE' }],
  }));
  ok(await client.insert({ collection_name: textName, data: [{ key: 'a', vector: [1, 0, 0, 0], note: 'first' }, { key: 'b', vector: [0, 1, 0, 0], note: 'second' }] }));
  const answer = ok(await client.search({ collection_name: textName, data: [0.9, 0.1, 0, 0], limit: 2, output_fields: ['key', 'note'] }));
  assert.deepEqual(answer.results.map(r => [r.key, r.note]), [['a', 'first'], ['b', 'second']]);
  ok(await client.delete({ collection_name: textName, ids: ['a'] }));
  assert.deepEqual(ok(await client.query({ collection_name: textName, filter: 'key like "%"', output_fields: ['key'] })).data.map(r => r.key), ['b']);
});

await check('a collection made the short way', async () => {
  const shortName = `${autoName}_short`;
  ok(await client.createCollection({ collection_name: shortName, dimension: 4 }));
  ok(await client.insert({ collection_name: shortName, data: [{ id: 1, vector: [1, 0, 0, 0], note: 'first' }, { id: 2, vector: [0, 1, 0, 0], note: 'second' }] }));
  const answer = ok(await client.search({ collection_name: shortName, data: [0, 1, 0, 0], limit: 1, output_fields: ['id', 'note'] }));
  assert.equal(answer.results[0].note, 'second');
  ok(await client.dropCollection({ collection_name: shortName }));
});

if (withLogin && username === 'root') {
  const user = `live_${suffix}`;
  await check('createUser', async () => ok(await client.createUser({ username: user, password: 'First-pass-1' })));
  await check('createUser twice is refused', async () => assert.match((await client.createUser({ username: user, password: 'First-pass-1' })).reason, /user already exists/));
  await check('listUsers', async () => assert.ok(ok(await client.listUsers()).usernames.includes(user)));
  await check('the new user can log in', async () => {
    const other = new MilvusClient({ ...options, username: user, password: 'First-pass-1' });
    await other.connectPromise;
    ok(await other.getVersion());
    await other.closeConnection();
  });
  await check('updateUser', async () => {
    ok(await client.updateUser({ username: user, oldPassword: 'First-pass-1', newPassword: 'Second-pass-2' }));
    const other = new MilvusClient({ ...options, username: user, password: 'First-pass-1' });
    await assert.rejects(async () => { await other.connectPromise; await other.getVersion(); }, error => error.code === 16);
    await other.closeConnection();
  });
  await check('updateUser with a wrong old password: code 1400', async () =>
    assert.equal((await client.updateUser({ username: user, oldPassword: 'wrong-pass-0', newPassword: 'Third-pass-3' })).code, 1400));
  await check('deleteUser', async () => {
    ok(await client.deleteUser({ username: user }));
    assert.ok(!ok(await client.listUsers()).usernames.includes(user));
  });
}

await check('dropIndex on a loaded collection: refused', async () => assert.notEqual((await client.dropIndex({ collection_name: name, field_name: 'vec', index_name: 'vec_index' })).error_code, 'Success'));
await check('releaseCollection', async () => {
  ok(await client.releaseCollection({ collection_name: name }));
  assert.equal(ok(await client.getLoadState({ collection_name: name })).state, LoadState.LoadStateNotLoad);
});
await check('dropIndex', async () => {
  ok(await client.dropIndex({ collection_name: name, field_name: 'vec', index_name: 'vec_index' }));
  assert.equal((await client.describeIndex({ collection_name: name, field_name: 'vec' })).status.code, 700);
});
await check('dropCollection', async () => {
  for (const collection of [name, autoName, textName]) {
    ok(await client.dropCollection({ collection_name: collection }));
    assert.equal((await client.hasCollection({ collection_name: collection })).value, false);
  }
});

await client.closeConnection();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
