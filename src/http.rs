//! How Guildhall speaks HTTP to anybody else: one TLS setup and one user agent for every outgoing client.

use std::sync::LazyLock;
use std::time::Duration;

/// Sent with every request, so that the owner of a server can see who asks and look it up.
pub const USER_AGENT: &str =
    concat!("Guildhall/", env!("CARGO_PKG_VERSION"), " (AI staff for Discord servers; reads pages a team has chosen)");

/// A server that has not completed the TCP and TLS handshakes by then is down or far too busy to be of use.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The roots are bundled: reading the system's takes longer than the rest of a cold start, and a small container image
/// has none.
static TLS: LazyLock<rustls::ClientConfig> = LazyLock::new(|| {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    rustls::ClientConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs implements TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
});

/// The start of every outgoing client. Proxies named in the environment are not used: only `config` reads the
/// environment, and a proxy would resolve names where `knowledge::fetch` cannot check them.
pub fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(TLS.clone())
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .no_proxy()
}
