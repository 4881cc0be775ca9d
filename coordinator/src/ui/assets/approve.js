// Approves or refuses in the page: the passkey signs the challenge that the page shows, and the form carries it on.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Page keys are found by their ids alone: no device lists them by itself, and the passkey that signs in must not answer.
const known = (ids) => ids.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

async function touch(form) {
  const { challenge, rp, credentials } = form.dataset;
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(challenge), rpId: rp, allowCredentials: known(credentials ?? ""), userVerification: "required", timeout: 120000,
    },
  });
  form.elements.authenticator_data.value = hex(credential.response.authenticatorData);
  form.elements.client_data_json.value = hex(credential.response.clientDataJSON);
  form.elements.signature.value = hex(credential.response.signature);
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const wrong = form.querySelector(".wrong");
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.hidden = true;
    button.disabled = true;
    try {
      await touch(form);
      form.submit();
    } catch (error) {
      wrong.textContent = error.name === "NotAllowedError"
        ? "Nothing was signed: it was cancelled, or this device has no such passkey."
        : "Nothing was signed: this browser cannot use the passkey here.";
      wrong.hidden = false;
      button.disabled = false;
    }
  });
}
