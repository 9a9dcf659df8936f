// The REST API of the same origin. Errors become Error objects whose message is what the server said.

const KEY = "penstock-token";
let askForToken = null;
export const onTokenWanted = ask => { askForToken = ask; };

function request(path, options = {}) {
  const token = sessionStorage.getItem(KEY);
  const headers = { accept: "application/json", ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  return fetch(path, { ...options, headers });
}

// A call; a server that wants a token is asked again with the one that the person types.
async function call(path, options) {
  let response = await request(path, options);
  if (response.status === 401 && askForToken) {
    const token = await askForToken();
    if (token) { sessionStorage.setItem(KEY, token); response = await request(path, options); }
  }
  return response;
}

async function answer(response) {
  const text = await response.text();
  let body = {};
  try { body = text ? JSON.parse(text) : {}; } catch { body = { errors: [text.slice(0, 500)] }; }
  if (!response.ok) throw new Error(body.errors?.join("\n") ?? `${response.status} ${response.statusText}`);
  return body;
}

export const get = path => call(path).then(answer);
export const text = path => call(path).then(r => r.ok ? r.text() : `(${r.status} ${r.statusText})`);
export const send = (method, path, body) => call(path, {
  method, headers: { "content-type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body),
}).then(answer);
export function upload(path, file) {
  const form = new FormData();
  form.append("jarfile", file);
  return call(path, { method: "POST", body: form }).then(answer);
}

// Trigger something that goes on for a while, then ask until it is done; the deadline is ten minutes.
export async function triggered(path, body, statusPath) {
  const { "request-id": id } = await send("POST", path, body);
  for (const until = Date.now() + 600_000; Date.now() < until;) {
    const now = await get(`${statusPath}/${id}`);
    if (now.status.id === "COMPLETED") {
      const failure = now.operation?.["failure-cause"];
      if (failure) throw new Error(failure["stack-trace"] ?? failure.class ?? "it failed");
      return now.operation;
    }
    await new Promise(resolve => setTimeout(resolve, 300));
  }
  throw new Error("no end after ten minutes; the JobManager's log says more");
}
