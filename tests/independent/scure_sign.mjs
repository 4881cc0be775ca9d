// Signs a PSBT with @scure/btc-signer: its folder, then private keys in hex as arguments; base64 on
// standard input and output. Keys come derived: the library itself has no BIP 32.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, ...keys] = process.argv.slice(2);
const resolve = createRequire(`${folder}/`).resolve;
const { Transaction } = await import(pathToFileURL(resolve('@scure/btc-signer')));
const psbt = Buffer.from(readFileSync(0, 'utf8').trim(), 'base64');
const transaction = Transaction.fromPSBT(psbt, { allowUnknownOutputs: true });
let signed = 0;
for (let input = 0; input < transaction.inputsLength; input += 1) {
  for (const key of keys) {
    try {
      if (transaction.signIdx(Buffer.from(key, 'hex'), input)) signed += 1;
    } catch (error) {
      if (!/No taproot scripts signed|Input script doesn't have pubKey/.test(error.message)) throw error;
    }
  }
}
console.error(`@scure/btc-signer signed ${signed} times`);
console.log(Buffer.from(transaction.toPSBT()).toString('base64'));
