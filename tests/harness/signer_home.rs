//! The home folder of one person or machine, and the tool that works in it.

use std::fs;
use std::path::{Path, PathBuf};

use bitcoin::Network;
use bitcoin::bip32::{DerivationPath, Xpriv};
use bitcoin::key::Secp256k1;
use policies::PolicyId;
use policies::document::{DeviceDraft, PinnedKeyDraft, SignerDraft};
use serde_json::Value;
use signer::home::Home;
use signer::keystore::{Cost, DeviceKey, Kind, Made, Passphrase, PersonKey, VaultKey, vault_key};
use tempfile::TempDir;

use crate::node::free_port;
use crate::{Failure, Process, Program, SHORT, Said, Stick, environment, wait_until};

/// What no real home is sealed with.
const CHEAP: Cost = Cost::new(16, 1, 1);

/// A home of `countersign-signer` with keys, pinned policy and journal.
#[derive(Debug)]
pub struct SignerHome {
    name: String,
    program: Program,
    folder: TempDir,
    home: PathBuf,
}

impl SignerHome {
    /// An empty home. The passphrase lies beside it, as an automatic co-signer's would.
    pub fn new(name: &str) -> Result<Self, Failure> {
        let folder = environment::folder(name)?;
        fs::write(
            folder.path().join("passphrase"),
            format!("correct horse of {name}\n"),
        )?;
        let home = folder.path().join("home");
        Ok(Self {
            name: name.to_owned(),
            program: Program::find("countersign-signer")?,
            folder,
            home,
        })
    }

    /// An empty home on a stick, in which the offline signer works on a machine without a network.
    pub fn offline(name: &str, stick: &Stick) -> Result<Self, Failure> {
        Ok(Self {
            program: Program::offline_signer()?.on_machine_of(stick)?,
            home: stick.home(),
            ..Self::new(name)?
        })
    }

    /// Whose home it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The home folder itself.
    pub fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// Runs the tool in this home, answering in JSON.
    pub fn run(&self, arguments: &[&str]) -> Result<Said, Failure> {
        self.program
            .run(&self.arguments(&[arguments, &["--json"]].concat()))
    }

    /// Runs the tool in this home for a human, with `input` on its standard input.
    pub fn run_plainly(&self, arguments: &[&str], input: &[u8]) -> Result<Said, Failure> {
        self.program
            .run_with_input(&self.arguments(arguments), input)
    }

    /// Writes a file beside the home: what would come on a USB stick.
    pub fn bring(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Makes a signer's key with its journal key, and gives the record for the policy.
    pub fn make_signer(&self) -> Result<SignerDraft, Failure> {
        let words = self.folder.path().join("words");
        let made = self
            .run(&[
                "keygen",
                "--network",
                "regtest",
                "--name",
                &self.name,
                "--words-file",
                text(&words)?,
            ])?
            .done()?
            .json()?;
        Ok(SignerDraft {
            name: self.name.clone(),
            person: self.name.clone(),
            device: Some(DeviceDraft {
                kind: "software".to_owned(),
            }),
            key: field(&made, "key")?,
            journal: field(&made, "journal")?,
        })
    }

    /// Enrols the key of a device that is plugged in, and gives the record for the policy.
    pub fn make_device_signer(&self, kind: &str, tools: &[&str]) -> Result<SignerDraft, Failure> {
        let import = [
            "import",
            "--device",
            kind,
            "--from-device",
            "--network",
            "regtest",
            "--name",
            &self.name,
        ];
        let made = self.run(&[&import[..], tools].concat())?.done()?.json()?;
        Ok(SignerDraft {
            name: self.name.clone(),
            person: self.name.clone(),
            device: Some(DeviceDraft {
                kind: kind.to_owned(),
            }),
            key: field(&made, "key")?,
            journal: field(&made, "journal")?,
        })
    }

    /// Makes an approver's key, and gives it as the policy names it.
    pub fn make_approver(&self) -> Result<PinnedKeyDraft, Failure> {
        self.make_person("--approval")
    }

    /// Makes a requester's key, and gives it as the policy names it.
    pub fn make_requester(&self) -> Result<PinnedKeyDraft, Failure> {
        self.make_person("--request")
    }

    /// A signer's keys, sealed as cheaply as can be: for worlds by the hundred.
    pub fn make_cheap_signer(&self) -> Result<SignerDraft, Failure> {
        let words = vault_key::fresh_words()?;
        let path = vault_key::default_path(Network::Regtest);
        let key = VaultKey::from_words(&words, Network::Regtest, &path)?;
        let keys = Home::at(self.home());
        let passphrase = self.passphrase()?;
        keys.store(&key.seal(Made::Generated, &passphrase, CHEAP)?, None)?;
        let (journal, sealed) = PersonKey::generate(Kind::Journal, &passphrase, CHEAP)?;
        keys.store(&sealed, None)?;
        Ok(SignerDraft {
            name: self.name.clone(),
            person: self.name.clone(),
            device: None,
            key: key.public(&Secp256k1::new()).to_string(),
            journal: journal.public().to_string(),
        })
    }

    /// An approver's key, sealed as cheaply.
    pub fn make_cheap_approver(&self) -> Result<PinnedKeyDraft, Failure> {
        let (key, sealed) = PersonKey::generate(Kind::Approval, &self.passphrase()?, CHEAP)?;
        Home::at(self.home()).store(&sealed, Some(&self.name.parse()?))?;
        Ok(PinnedKeyDraft::own(&key.public()))
    }

    /// Puts the key that signs into a foreign device: its public half stays. What the device holds.
    pub fn put_key_into_device(&self, kind: &str) -> Result<Xpriv, Failure> {
        let words = fs::read_to_string(self.folder.path().join("words"))?;
        let master = VaultKey::from_words(&words, Network::Regtest, &DerivationPath::master())?;
        let public = field(&self.run(&["xpub"])?.done()?.json()?, "key")?;
        fs::remove_file(self.home().join("keys/vault.key"))?;
        let key = DeviceKey::read(kind.parse()?, &public, None, Some(Network::Regtest))?;
        Home::at(self.home()).store_device_key(&key)?;
        Ok(*master.account())
    }

    fn passphrase(&self) -> Result<Passphrase, Failure> {
        Ok(Passphrase::new(format!("correct horse of {}", self.name))?)
    }

    /// A second machine of the same signer: its key from the same words, a journal key of its own.
    pub fn second_machine(&self) -> Result<Self, Failure> {
        let other = Self::new(&self.name)?;
        let words = self.folder.path().join("words");
        let import = [
            "import",
            text(&words)?,
            "--network",
            "regtest",
            "--name",
            &self.name,
        ];
        other.run(&import)?.done()?;
        Ok(other)
    }

    /// A copy of the home folder as it is now, as a backup has it.
    pub fn back_up(&self) -> Result<TempDir, Failure> {
        let backup = environment::folder("backup")?;
        copy(&self.home(), &backup.path().join("home"))?;
        Ok(backup)
    }

    /// Puts a backup in place of the home folder.
    pub fn restore(&self, backup: &TempDir) -> Result<(), Failure> {
        fs::remove_dir_all(self.home())?;
        copy(&backup.path().join("home"), &self.home())
    }

    /// Takes the journal in that moved here from another machine.
    pub fn take_journal_in(
        &self,
        bundle: &str,
        policy: &[u8],
        id: PolicyId,
    ) -> Result<(), Failure> {
        let file = self.bring("policy.toml", policy)?;
        let id = id.to_string();
        let policy = ["--policy", text(&file)?, "--id", &id];
        self.run(&[&["journal", "move", "import", bundle], &policy[..]].concat())?
            .done()?;
        Ok(())
    }

    /// Pins a policy whose id a human has read out.
    pub fn pin(&self, policy: &[u8], id: PolicyId) -> Result<(), Failure> {
        let file = self.bring("policy.toml", policy)?;
        self.run(&["init", "--policy", text(&file)?, "--id", &id.to_string()])?
            .done()?;
        Ok(())
    }

    /// Reviews a PSBT and signs it where nothing is to be refused; the signatures are its standard
    /// output.
    pub fn sign(&self, psbt: &[u8]) -> Result<Said, Failure> {
        self.run_plainly(&["sign", "-", "--yes"], psbt)
    }

    /// The same with variables set in the tool's environment.
    pub fn sign_within(
        &self,
        environment: &[(String, String)],
        psbt: &[u8],
    ) -> Result<Said, Failure> {
        let arguments = self.arguments(&["sign", "-", "--yes"]);
        self.program.run_within(environment, &arguments, psbt)
    }

    /// Reviews a recovery and signs it where nothing is to be refused.
    pub fn sign_recovery(&self, psbt: &[u8]) -> Result<Said, Failure> {
        self.run_plainly(&["sign", "-", "--yes", "--recovery"], psbt)
    }

    /// Approves a spend to ourselves as maintenance.
    pub fn maintain(&self, psbt: &[u8]) -> Result<Said, Failure> {
        let file = self.bring("maintain.psbt", psbt)?;
        self.run(&["maintain", "--yes", text(&file)?])
    }

    /// Reviews a PSBT without signing.
    pub fn review(&self, psbt: &[u8]) -> Result<Said, Failure> {
        self.run_plainly(&["review", "-"], psbt)
    }

    /// Approves signed requests, all with one signature.
    pub fn approve(&self, requests: &[Value]) -> Result<Value, Failure> {
        let files = requests
            .iter()
            .enumerate()
            .map(|(n, request)| {
                self.bring(&format!("request-{n}.json"), request.to_string().as_bytes())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut arguments = vec!["approve", "--yes"];
        for file in &files {
            arguments.push(text(file)?);
        }
        self.run(&arguments)?.done()?.json()
    }

    /// The journal's lines, or none before there is one.
    pub fn journal(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.run_plainly(&["journal", "show"], &[])?.done()?.stdout)
    }

    /// Starts the automatic co-signer.
    pub fn serve(&self, url: &str, token: &str) -> Result<Process, Failure> {
        self.serve_every(url, token, 50)
    }

    /// Starts the automatic co-signer, with so many milliseconds between two rounds.
    pub fn serve_every(&self, url: &str, token: &str, poll_ms: u64) -> Result<Process, Failure> {
        self.start_serving(url, token, poll_ms, &[])
    }

    /// Starts the automatic co-signer with an inbox, and gives that folder.
    pub fn serve_with_inbox(&self, url: &str, token: &str) -> Result<(Process, PathBuf), Failure> {
        let inbox = self.folder.path().join("inbox");
        fs::create_dir_all(&inbox)?;
        let process = self.start_serving(url, token, 50, &["--inbox", text(&inbox)?])?;
        Ok((process, inbox))
    }

    fn start_serving(
        &self,
        url: &str,
        token: &str,
        poll_ms: u64,
        more: &[&str],
    ) -> Result<Process, Failure> {
        let token_file = self.bring("token", token.as_bytes())?;
        let mut command = self.program.command();
        let poll_ms = poll_ms.to_string();
        let arguments = [
            "serve",
            "--url",
            url,
            "--token-file",
            text(&token_file)?,
            "--poll-ms",
            &poll_ms,
        ];
        command.args(self.arguments(&[&arguments[..], more].concat()));
        Process::start(
            &format!("countersign-signer of {}", self.name),
            command,
            &self.folder.path().join("serve.log"),
        )
    }

    /// Starts the bridge that the coordinator's pages open; its port and the code to pair them with.
    pub fn bridge(&self, url: &str, token: &str) -> Result<(Process, u16, String), Failure> {
        let port = free_port()?.to_string();
        self.start_bridge(url, token, &["--port", &port])
    }

    /// The same with a device on the wire, which this program speaks to.
    pub fn bridge_of_device(
        &self,
        url: &str,
        token: &str,
        hwi: &Path,
    ) -> Result<(Process, u16, String), Failure> {
        let port = free_port()?.to_string();
        let more = ["--port", &port, "--hwi", text(hwi)?];
        self.start_bridge(
            url,
            token,
            &[&more[..], &["--bhwi", "/nowhere/bhwi"]].concat(),
        )
    }

    /// The same at the port where the home's passkey answers.
    pub fn bridge_of_passkey(
        &self,
        url: &str,
        token: &str,
    ) -> Result<(Process, u16, String), Failure> {
        self.start_bridge(url, token, &[])
    }

    fn start_bridge(
        &self,
        url: &str,
        token: &str,
        more: &[&str],
    ) -> Result<(Process, u16, String), Failure> {
        let token_file = self.bring("bridge-token", token.as_bytes())?;
        let mut command = self.program.command();
        let arguments = [
            "bridge",
            "--coordinator",
            url,
            "--token-file",
            text(&token_file)?,
            "--json",
        ];
        command.args(self.arguments(&[&arguments[..], more].concat()));
        let name = format!("the bridge of {}", self.name);
        let mut bridge = Process::start(&name, command, &self.folder.path().join("bridge.log"))?;
        let (port, code) = wait_until("the bridge's code", SHORT, || {
            bridge.must_run()?;
            let said = bridge.log()?;
            let events = said
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let codes = events.filter(|event| event["event"] == "code");
            let mut told = codes.filter_map(|event| {
                let port = u16::try_from(event["port"].as_u64()?).ok()?;
                Some((port, event["code"].as_str()?.to_owned()))
            });
            Ok(told.next_back())
        })?;
        Ok((bridge, port, code))
    }

    /// Runs the tool until a person answered on its own page: `visit` gets the page's address. What the
    /// tool answered in JSON.
    #[track_caller]
    pub fn on_page(
        &self,
        arguments: &[&str],
        visit: impl FnOnce(&str) -> Result<(), Failure>,
    ) -> Result<Value, Failure> {
        let mut command = self.program.command();
        command.args(self.arguments(&[arguments, &["--json"]].concat()));
        let log = self
            .folder
            .path()
            .join(format!("page-{}.log", arguments.join("-").len()));
        drop(fs::remove_file(&log));
        let name = format!("countersign-signer of {}", self.name);
        let mut tool = Process::start(&name, command, &log)?;
        let url = wait_until("the address of the tool's own page", SHORT, || {
            if let Some(status) = tool.ended()? {
                let said = tool.last_words();
                return Err(Failure::new(format!(
                    "the tool ended with {status}: {said}"
                )));
            }
            let said = tool.log()?;
            let url = said
                .lines()
                .find(|line| line.trim().starts_with("http://localhost:"));
            Ok(url.map(|line| line.trim().to_owned()))
        })?;
        visit(&url)?;
        let status = wait_until("the tool to end", SHORT, || tool.ended())?;
        let said = tool.log()?;
        let answer = said.lines().find(|line| line.starts_with('{'));
        match answer {
            Some(answer) if status.success() => Ok(serde_json::from_str(answer)?),
            _ => Err(Failure::new(format!(
                "the tool ended with {status}: {said}"
            ))),
        }
    }

    fn make_person(&self, kind: &str) -> Result<PinnedKeyDraft, Failure> {
        let made = self.run(&["keygen", kind, &self.name])?.done()?.json()?;
        Ok(PinnedKeyDraft::own(&field(&made, "key")?))
    }

    fn arguments(&self, arguments: &[&str]) -> Vec<String> {
        let folder = self.folder.path();
        [
            "--home",
            &self.home.display().to_string(),
            "--passphrase-file",
            &folder.join("passphrase").display().to_string(),
        ]
        .iter()
        .chain(arguments)
        .map(ToString::to_string)
        .collect()
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str()
        .ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))
}

/// A text field of an answer.
#[track_caller]
pub fn field(answer: &Value, name: &str) -> Result<String, Failure> {
    answer[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("no text {name} in {answer}")))
}
