"""A mail server on this host that takes mail only encrypted and from who signed in.

  mail_server.py FOLDER PORT

FOLDER holds cert.pem, key.pem and login (a name and a password, one a line). Every mail that is taken becomes a file
mail-N.json, as the email package of Python reads it. While FOLDER/answer is there, every mail is answered with its
text instead. The times of all tries stand in FOLDER/tries, one a line.
"""

import email
import email.policy
import json
import pathlib
import ssl
import sys
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])


def note_try():
    with (folder / "tries").open("a") as tries:
        tries.write(f"{time.time_ns() // 1_000_000}\n")


class Taking:
    async def handle_DATA(self, server, session, envelope):
        answer = folder / "answer"
        if answer.exists():
            note_try()
            return answer.read_text().strip()
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "headers": [[name.lower(), str(value)] for name, value in message.items()],
            "parts": len(list(message.walk())),
            "text": message.get_content().replace("\r\n", "\n"),
            "encrypted": session.ssl is not None,
            "user": session.auth_data.decode(),
        }
        number = len(list(folder.glob("mail-*.json"))) + 1
        draft = folder / "draft"
        draft.write_text(json.dumps(mail))
        draft.rename(folder / f"mail-{number:04}.json")
        note_try()
        return "250 taken"


def signs_in(server, session, envelope, mechanism, said):
    name, password = (folder / "login").read_bytes().split(b"\n")[:2]
    if not isinstance(said, LoginPassword) or (said.login, said.password) != (name, password):
        note_try()
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=said.login)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
Controller(
    Taking(),
    hostname="127.0.0.1",
    port=port,
    tls_context=context,
    require_starttls=True,
    authenticator=signs_in,
    auth_required=True,
).start()
threading.Event().wait()
