// Splits and joins QR codes with npm's bbqr and @ngraveio/bc-ur: their folder as argument; a list of asks as
// JSON on standard input, the list of answers on standard output.
//   {"join": "bbqr" | "ur", "frames": [TEXT…]}  gives {"kind", "bytes" in base64}, or {"more": true}
//   {"split": "bbqr", "bytes", "kind", "encoding": "H" | "2" | "Z", "version"}  gives {"frames", "encoding"}
//   {"split": "ur", "bytes", "kind", "fragment": bytes of one, "first": frames passed over, "count"}  gives
//       {"frames", "fragments"}
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { joinQRs, splitQRs } = await import(pathToFileURL(`${folder}/node_modules/bbqr/dist/bbqr.js`));
const { UR, URDecoder, UREncoder } = require('@ngraveio/bc-ur');

const base64 = (bytes) => Buffer.from(bytes).toString('base64');

const joins = {
  bbqr(frames) {
    const { fileType, raw } = joinQRs(frames);
    return { kind: fileType, bytes: base64(raw) };
  },
  ur(frames) {
    const decoder = new URDecoder();
    for (const frame of frames) {
      if (decoder.isComplete()) break;
      decoder.receivePart(frame);
    }
    if (!decoder.isComplete()) return { more: true };
    if (!decoder.isSuccess()) throw new Error(decoder.resultError());
    const whole = decoder.resultUR();
    return { kind: whole.type, bytes: base64(whole.decodeCBOR()) };
  },
};

const splits = {
  bbqr({ bytes, kind, encoding, version }) {
    const options = { encoding, minVersion: 5, maxVersion: version };
    const split = splitQRs(new Uint8Array(Buffer.from(bytes, 'base64')), kind, options);
    return { frames: split.parts, encoding: split.encoding };
  },
  ur({ bytes, kind, fragment, first, count }) {
    const message = UR.fromBuffer(Buffer.from(bytes, 'base64'));
    const encoder = new UREncoder(new UR(message.cbor, kind), fragment, first);
    const frames = Array.from({ length: count }, () => encoder.nextPart());
    return { frames, fragments: encoder.fragmentsLength };
  },
};

const asks = JSON.parse(readFileSync(0, 'utf8'));
const answers = asks.map((ask) => (ask.join ? joins[ask.join](ask.frames) : splits[ask.split](ask)));
console.log(JSON.stringify(answers));
