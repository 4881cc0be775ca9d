// TLS before a program that speaks none, as a proxy in earnest has it: every connection is passed on as it is.
//   node front.mjs KEY CERTIFICATE PORT
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer } from "node:tls";

const [key, certificate, port] = process.argv.slice(2);
const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate), ALPNProtocols: ["http/1.1"] }, (secure) => {
  const plain = connect(Number(port), "127.0.0.1");
  for (const [one, other] of [[secure, plain], [plain, secure]]) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
    one.pipe(other);
  }
});
server.on("tlsClientError", (error) => console.error(error.message));
server.listen(0, "127.0.0.1", () => console.log(`listens at ${server.address().port}.`));
