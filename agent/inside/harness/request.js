// Sends a request to the application; what its handler throws or passes on rejects, where a server would answer with 500.
async function request(app, method, path, { query, headers, body } = {}) {
    const http = await import('node:http');
    const isObject = (value) => typeof value === 'object' && value !== null;
    const pairs = (members) => Object.entries(members).flatMap(([name, value]) => [].concat(value).map((one) => [name, one]));
    const form = (members) => new URLSearchParams(isObject(members) ? pairs(members) : members).toString();
    const search = form(query);
    const isForm = /x-www-form-urlencoded/.test(headers && headers['content-type']);
    const text = body === undefined || typeof body === 'string' ? body : isForm ? form(body) : JSON.stringify(body);
    const handle = typeof app === 'function' ? app : app.callback();
    let server;
    const answer = new Promise((resolve, reject) => {
        if (typeof app.on === 'function') { app.on('error', reject); }
        server = http.createServer((req, res) => {
            const next = (error) => (error ? reject(error) : res.writeHead(404).end());
            new Promise((done) => { done(handle(req, res, next)); }).catch(reject);
        });
        const send = () => {
            const options = { host: '127.0.0.1', port: server.address().port, method, path: search ? path + '?' + search : path, headers, agent: false };
            const sent = http.request(options, (res) => {
                let got = '';
                res.setEncoding('utf8').on('data', (part) => { got += part; }).on('end', () => resolve({ status: res.statusCode, body: got }));
            });
            sent.on('error', reject).setTimeout(10000, () => sent.destroy(new Error('the application does not answer')));
            sent.end(text);
        };
        server.listen(0, '127.0.0.1', () => { new Promise((done) => { done(send()); }).catch(reject); });
    });
    try {
        return await answer;
    } finally {
        server.closeAllConnections();
        server.close();
    }
}
