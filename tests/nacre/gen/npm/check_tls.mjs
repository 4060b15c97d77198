// usage: node check_tls.mjs PORT KEY BODY [N]: posts BODY N times under the key, on one connection after another and on one kept.
import * as https from "node:https";
import * as tls from "node:tls";
import { pinnedConnection } from "./dist/alltypes.js";

const [port, key, body, times] = process.argv.slice(2);
let opened = 0;
const counted = { connect: (options) => (opened++, tls.connect(options)) };

function post(agent) {
  return new Promise((resolve, reject) => {
    const request = https.request(
      { host: "127.0.0.1", port, path: "/echo", method: "POST", agent, headers: { "Content-Type": "application/json" } },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve(text));
      });
    request.on("error", reject).end(body);
  });
}

try {
  for (const keepAlive of [false, true]) {
    const agent = new https.Agent({ keepAlive });
    agent.createConnection = pinnedConnection(counted, key);
    for (let n = 0; n < Number(times ?? 1); n++) console.log(await post(agent));
    agent.destroy();
  }
  console.log(`connections ${opened}`);
} catch (error) {
  console.log(`refused: ${error.message}`);
}
try {
  pinnedConnection(tls, "00");
  console.log("a short key was taken");
} catch (error) {
  console.log(`short: ${error.message}`);
}
