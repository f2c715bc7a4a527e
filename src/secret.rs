//! Secrets that have to be read again, such as bots' tokens: sealed before they are written to the table.

use crate::aws::Late;
use crate::config::{KeyConfig, SealConfig};
use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use moka::future::Cache;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::NamedTempFile;

/// AES-256.
const KEY_BYTES: usize = 32;

/// How a secret that was sealed with this machine's key begins.
const LOCAL: &str = "local1.";

/// How one begins that was sealed by KMS.
const KMS: &str = "kms1.";

/// Bytes that KMS seals by itself. Tokens have about seventy. [KMS API Reference: Encrypt]
const KMS_BYTES: usize = 4_096;

/// The name under which KMS is told what a secret is, so that it opens nothing else's. It stands in KMS's own log.
const WHAT: &str = "what";

/// How long an opened secret is remembered: so long a key goes on opening what it was taken away from.
const OPENED_REMEMBERED: Duration = Duration::from_hours(1);

/// Opened secrets that are remembered at the same time.
const OPENED_AT_MOST: u64 = 10_000;

/// What secrets are sealed with.
#[derive(Debug)]
pub enum Secrets {
    /// A key in a file, for one machine.
    File(KeyFile),
    /// A key that was told by the process's environment.
    Told(RandomizedNonceKey),
    /// A key that never leaves AWS's Key Management Service.
    Kms(Kms),
}

/// A key in a file that is made when the first secret is sealed. Without it, what was sealed with it is lost.
#[derive(Debug)]
pub struct KeyFile {
    file: PathBuf,
    key: OnceLock<RandomizedNonceKey>,
}

/// A key in KMS: who may use it is said by the roles of those who run, and each use is in its log.
#[derive(Debug)]
pub struct Kms {
    client: Late<aws_sdk_kms::Client>,
    key: String,
    /// By what they are and how they were sealed: KMS is not asked for every request to Discord.
    opened: Cache<(String, String), SecretString>,
}

impl Secrets {
    /// With a key of KMS. Asks nothing yet.
    pub fn kms(client: Late<aws_sdk_kms::Client>, key: KeyConfig) -> Self {
        let opened = Cache::builder().max_capacity(OPENED_AT_MOST).time_to_live(OPENED_REMEMBERED).build();
        Self::Kms(Kms { client, key: key.id, opened })
    }

    /// With what is configured on AWS. Asks nothing yet; `client` is only used with a key of KMS.
    pub fn configured(client: impl FnOnce() -> Late<aws_sdk_kms::Client>, config: SealConfig) -> Result<Self> {
        match config {
            SealConfig::Kms(key) => Ok(Self::kms(client(), key)),
            SealConfig::Told(key) => {
                let mut bytes = [0; KEY_BYTES];
                hex::decode_to_slice(key.expose_secret(), &mut bytes)
                    .map_err(|_| anyhow!("GUILDHALL_SEALING_KEY is no key of {KEY_BYTES} bytes"))?;
                Ok(Self::Told(usable(&bytes)?))
            }
        }
    }

    /// With the key in `file`.
    pub fn local(file: impl Into<PathBuf>) -> Self {
        Self::File(KeyFile { file: file.into(), key: OnceLock::new() })
    }

    /// Seals a secret. It can be opened only where it is said to be the same thing again: `what` names whose secret of
    /// what it is.
    pub async fn seal(&self, what: &str, secret: &str) -> Result<String> {
        match self {
            Self::File(file) => seal(what, secret, file.key(make)?),
            Self::Told(key) => seal(what, secret, key),
            // On the heap: the SDK's future would make everybody's large who may need a token.
            Self::Kms(key) => Box::pin(key.seal(what, secret)).await,
        }
    }

    /// Opens what [`seal`](Self::seal) has made of a secret of the same `what`.
    pub async fn open(&self, what: &str, sealed: &str) -> Result<SecretString> {
        match self {
            Self::File(file) => open(what, encoded(sealed)?, file.key(read)?),
            Self::Told(key) => open(what, encoded(sealed)?, key),
            Self::Kms(key) => Box::pin(key.open(what, sealed)).await,
        }
    }
}

impl KeyFile {
    /// The key, for which `file` is looked at once.
    fn key(&self, look: impl FnOnce(&Path) -> Result<[u8; KEY_BYTES]>) -> Result<&RandomizedNonceKey> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = usable(&look(&self.file)?)?;
        Ok(self.key.get_or_init(|| key))
    }
}

impl Kms {
    async fn seal(&self, what: &str, secret: &str) -> Result<String> {
        if secret.len() > KMS_BYTES {
            bail!("a secret of more than {KMS_BYTES} bytes cannot be sealed");
        }
        let sealed = self
            .client
            .encrypt()
            .key_id(&self.key)
            .encryption_context(WHAT, what)
            .plaintext(Blob::new(secret))
            .send()
            .await
            .map_err(|error| refusal("seal a secret", &error))?;
        let sealed = sealed.ciphertext_blob.context("KMS has sealed nothing")?;
        Ok(format!("{KMS}{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    async fn open(&self, what: &str, sealed: &str) -> Result<SecretString> {
        let Some(encoded) = sealed.strip_prefix(KMS) else { bail!("a secret was not sealed by KMS") };
        let ask = async {
            let bytes =
                URL_SAFE_NO_PAD.decode(encoded).map_err(|_| anyhow!("a secret was changed since it was sealed"))?;
            let opened = self
                .client
                .decrypt()
                .key_id(&self.key)
                .encryption_context(WHAT, what)
                .ciphertext_blob(Blob::new(bytes))
                .send()
                .await
                .map_err(|error| refusal("open a secret", &error))?;
            let opened = opened.plaintext.context("KMS has opened nothing")?.into_inner();
            Ok(String::from_utf8(opened).map_err(|_| anyhow!("an opened secret is no text"))?.into())
        };
        self.opened
            .try_get_with((what.to_owned(), sealed.to_owned()), ask)
            .await
            .map_err(|error: std::sync::Arc<anyhow::Error>| anyhow!("{error:#}"))
    }
}

/// Why KMS did not do it, without the secret, and what can be done about it.
fn refusal<E, R>(attempted: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("InvalidCiphertextException" | "IncorrectKeyException") => {
            anyhow!("KMS refused to {attempted}: it was changed, or sealed with another key than KMS_KEY_ID")
        }
        Some(code @ "AccessDeniedException") => {
            anyhow!("KMS refused to {attempted} ({code}): this process's role may not use the key of KMS_KEY_ID")
        }
        Some(code @ ("DisabledException" | "KMSInvalidStateException" | "NotFoundException")) => {
            anyhow!("KMS refused to {attempted} ({code}): look at the key of KMS_KEY_ID")
        }
        Some(code) => anyhow!("KMS refused to {attempted}: {code}"),
        None => anyhow!("KMS could not be reached to {attempted}: {}", DisplayErrorContext(error)),
    }
}

fn bound_to(what: &str) -> Aad<&[u8]> {
    Aad::from(what.as_bytes())
}

fn seal(what: &str, secret: &str, key: &RandomizedNonceKey) -> Result<String> {
    let mut bytes = secret.as_bytes().to_vec();
    let nonce = key.seal_in_place_append_tag(bound_to(what), &mut bytes).map_err(|_| anyhow!("sealing a secret"))?;
    Ok(format!("{LOCAL}{}", URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &bytes].concat())))
}

/// What was sealed with a key that the process has, and not by KMS.
fn encoded(sealed: &str) -> Result<&str> {
    sealed.strip_prefix(LOCAL).context("a secret was not sealed with a machine's key")
}

fn open(what: &str, encoded: &str, key: &RandomizedNonceKey) -> Result<SecretString> {
    let unusable = || anyhow!("a secret cannot be opened: it was changed, or sealed with another key");
    let mut bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| unusable())?;
    if bytes.len() < NONCE_LEN {
        return Err(unusable());
    }
    let mut rest = bytes.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| unusable())?;
    let opened = key.open_in_place(nonce, bound_to(what), &mut rest).map_err(|_| unusable())?;
    Ok(String::from_utf8(opened.to_vec()).map_err(|_| unusable())?.into())
}

fn usable(bytes: &[u8; KEY_BYTES]) -> Result<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| anyhow!("using the key for secrets"))
}

/// The key, made if there is none. The file appears whole or not at all, and only its owner may read it.
fn make(file: &Path) -> Result<[u8; KEY_BYTES]> {
    if file.try_exists().context("looking for the key for secrets")? {
        return read(file);
    }
    let bytes: [u8; KEY_BYTES] = rand::rng().random();
    let folder = file.parent().context("the key for secrets is in no folder")?;
    let mut new = NamedTempFile::new_in(folder).context("making the key for secrets")?;
    new.write_all(&bytes).and_then(|()| new.as_file().sync_all()).context("writing the key for secrets")?;
    match new.persist_noclobber(file) {
        Ok(_) => Ok(bytes),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(error.error).context("keeping the key for secrets"),
    }
}

fn read(file: &Path) -> Result<[u8; KEY_BYTES]> {
    let bytes = fs::read(file).with_context(|| format!("reading the key for secrets, {}", file.display()))?;
    bytes.try_into().map_err(|_| anyhow!("{} is no key for secrets", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets() -> (Secrets, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Secrets::local(folder.path().join("key")), folder)
    }

    #[tokio::test]
    async fn what_was_sealed_is_opened_after_a_restart_too() {
        let (secrets, folder) = secrets();
        let sealed = secrets.seal("a#5", "s3cret").await.unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_ne!(sealed, secrets.seal("a#5", "s3cret").await.unwrap(), "the same secret looks different each time");
        for secrets in [secrets, Secrets::local(folder.path().join("key"))] {
            assert_eq!(secrets.open("a#5", &sealed).await.unwrap().expose_secret(), "s3cret");
            secrets.open("b#5", &sealed).await.unwrap_err();
        }
        let other = Secrets::local(folder.path().join("another"));
        other.open("a#5", &sealed).await.unwrap_err();
        assert!(!folder.path().join("another").exists(), "only sealing makes a key");
        other.seal("a#5", "x").await.unwrap();
        other.open("a#5", &sealed).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_key_that_was_told_opens_what_it_sealed_and_nothing_else_does() {
        let told = |digit: &str| {
            let client = || panic!("KMS is not asked");
            Secrets::configured(client, SealConfig::Told(digit.repeat(64).into()))
        };
        let sealed = told("a").unwrap().seal("a#5", "s3cret").await.unwrap();
        assert_eq!(told("a").unwrap().open("a#5", &sealed).await.unwrap().expose_secret(), "s3cret");
        told("b").unwrap().open("a#5", &sealed).await.unwrap_err();
        told("x").unwrap_err();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let (secrets, folder) = secrets();
        secrets.seal("a", "x").await.unwrap();
        let mode = fs::metadata(folder.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_else_is_opened(at in 0..80_usize, change in 1_u8..128, noise in ".{0,80}") {
            let key = usable(&[7; KEY_BYTES]).unwrap();
            let sealed = seal("a", "s3cret", &key).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed[LOCAL.len()..]).unwrap();
            let at = at % bytes.len();
            bytes[at] ^= change;
            open("a", &URL_SAFE_NO_PAD.encode(&bytes), &key).unwrap_err();
            open("a", &URL_SAFE_NO_PAD.encode(&bytes[..at]), &key).unwrap_err();
            open("a", &noise, &key).unwrap_err();
            encoded(&noise).unwrap_err();
        }
    }
}
