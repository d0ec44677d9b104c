// Loaded before the official suite. Its files name Milvus's usual addresses, whose ports this machine may need for something else:
// what goes to one of them goes to the port that stands for it in DEMARC_ROUTES ("19530=41234,9000=41235"). Nothing else is touched.
const net = require('net');

const routes = new Map(
  (process.env.DEMARC_ROUTES || '')
    .split(',')
    .filter(Boolean)
    .map(route => route.split('=').map(Number))
);
const own = host => host === undefined || host === '127.0.0.1' || host === 'localhost';
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  // Node's own callers hand over one array, [options, callback], that it has marked.
  const normalised = Array.isArray(given[0]) ? given[0] : given;
  const options = normalised[0];
  if (options && typeof options === 'object' && own(options.host) && routes.has(Number(options.port))) {
    normalised[0] = { ...options, port: routes.get(Number(options.port)) };
  }

  return connect.apply(this, given);
};
