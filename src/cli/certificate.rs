//! `certificate` and `verify`: the proof of a result, to a file and back.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer;
use super::args::Context;
use super::assurance;
use super::number;
use super::problem::{Exit, Problem};
use super::table::{self, Look};
use super::wait::{once, unexpected};
use crate::control::{Reply, Request};
use crate::domain::limits::MESSAGE_BYTES_MAX;
use crate::protocol::{Verified, verify_certificate};

const FORMAT: &str = "formix-p2p certificate";
const VERSION: u32 = 1;
/// A certificate that fits a message, in base64, with the object around it.
const FILE_BYTES_MAX: u64 = 2 * MESSAGE_BYTES_MAX as u64;

/// Print or save the proof of a result
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p certificate COMP-FZ375MV7 --out rating.certificate
  formix-p2p verify rating.certificate")]
pub struct Certificate {
    /// Its id, or a unique beginning of it
    computation: String,
    /// Write it to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Check the proof of a result, offline
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p verify rating.certificate
  formix-p2p verify rating.certificate --json | jq .data.result")]
pub struct Verify {
    /// What `certificate --out` wrote
    file: PathBuf,
}

/// A certificate in a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CertificateFile {
    format: String,
    version: u32,
    id: String,
    certificate: String,
}

impl Certificate {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.any_node().await?;
        let reference = self.computation;
        let view = once(&chosen.client, Request::Computation { reference: reference.clone() }).await?;
        let Reply::Certificate(bytes) = chosen.client.request(Request::Certificate { reference }).await? else {
            return Err(unexpected());
        };
        let file = CertificateFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            id: view.id,
            certificate: BASE64.encode(&bytes),
        };
        let text = json!(file).to_string();
        match &self.out {
            None => context.output.answer(&file, || text),
            Some(path) => {
                std::fs::write(path, text + "\n").map_err(|error| Problem::file("write", path, &error))?;
                let shown = path.display().to_string();
                context.output.answer(&json!({ "id": file.id, "file": shown }), || shown.clone());
            }
        }
        Ok(())
    }
}

impl Verify {
    pub fn act(self, context: &Context) -> Result<(), Problem> {
        let verified = verified(&self.file, &read(&self.file)?)?;
        let Verified { id, computation: question, answer, assurance } = verified;
        let signers: Vec<_> = assurance.signed_by.iter().map(|peer| peer.uid().to_string()).collect();
        let result = answer.to_json();
        let data = json!({
            "valid": true,
            "id": id.to_string(),
            "result": result,
            "signed_by": signers,
            "prompt": question.prompt,
            "statistic": question.query.statistic.to_string(),
            "sharing": question.sharing.to_string(),
            "proven": question.sharing.is_proven(),
            "private_against": question.private_against(),
            "heavy_nodes": question.heavy.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        context.output.answer(&data, || {
            let mut rows = vec![("prompt", table::printable(&question.prompt))];
            let look = Look::of_stdout();
            let fields: Vec<_> = question.query.fields.iter().map(|field| field.name.as_str()).collect();
            let asked = format!("{} of {}", question.query.statistic, fields.join(", "));
            rows.push(("statistic", table::printable(&asked)));
            rows.extend(answer::rows(look, &result));
            rows.push(("participants", number::whole(look, answer.participants())));
            rows.push(("records", number::whole(look, answer.samples())));
            rows.push(("sharing", assurance::scheme(&question)));
            rows.push(("signed by", signers.join(", ")));
            let block = answer::block(look, &result);
            let gap = if block.is_empty() { "" } else { "\n" };
            format!("✓ {id} is valid\n{}{gap}{block}", table::pairs(&rows))
        });
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let failed = |error: std::io::Error| Problem::file("read", path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn verified(path: &Path, file: &[u8]) -> Result<Verified, Problem> {
    let damaged = |message: String| {
        let hint = "get it again from a node of the network: `formix-p2p certificate COMPUTATION --out FILE`";
        Problem::new(Exit::Refused, "certificate_invalid", message, hint)
    };
    let file: CertificateFile = serde_json::from_slice(file)
        .map_err(|error| damaged(format!("{} is no certificate: {error}", path.display())))?;
    if file.format != FORMAT || file.version != VERSION {
        let message =
            format!("{} is a `{}` of version {}", path.display(), table::printable(&file.format), file.version);
        return Err(damaged(message));
    }
    let bytes = BASE64
        .decode(file.certificate.as_bytes())
        .map_err(|error| damaged(format!("the certificate is not base64: {error}")))?;
    let verified = verify_certificate(&bytes).map_err(|error| damaged(format!("not valid: {error}")))?;
    if verified.id.to_string() != file.id {
        let message =
            format!("the file says {}, its certificate is of {}", table::printable(&file.id), verified.id);
        return Err(damaged(message));
    }
    Ok(verified)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(format: &str, version: u32, certificate: &str) -> Vec<u8> {
        json!({"format": format, "version": version, "id": "COMP-AAAAAAAA", "certificate": certificate})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        for (bytes, reason) in [
            (b"hello".to_vec(), "no certificate"),
            (file("a poem", VERSION, ""), "a poem"),
            (file(FORMAT, 2, ""), "version 2"),
            (file(FORMAT, VERSION, "%%"), "base64"),
            (file(FORMAT, VERSION, "AAAA"), "not valid"),
        ] {
            let problem = verified(Path::new("file.json"), &bytes).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit), ("certificate_invalid", Exit::Refused));
            assert!(problem.message.contains(reason), "{problem}");
        }
    }
}
