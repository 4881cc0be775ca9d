// Reads the QR code in a picture, beside the page, so that it stays quick.

import decodeQR from "./qr/decode.js";

addEventListener("message", ({ data }) => {
  let found = null;
  try {
    found = decodeQR(data);
  } catch {
    // Most pictures of a camera show no code, or one that is not sharp.
  }
  postMessage(found);
});
