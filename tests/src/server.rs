//! What all fakes share: a server on a free loopback port, an HTTP client that never leaves the machine's proxies in the
//! way, and polling until something becomes true.

use std::net::SocketAddr;
use std::sync::Once;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often [`eventually`] looks again: short beside every real wait, long beside one look.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running loopback server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router` on a port that the system chooses, on 127.0.0.1.
    pub async fn start(router: Router) -> Self {
        use_crypto();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("axum::serve ends only with its task");
        });
        Self { address, task }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Closes the connection without another word, as a server that died does. It unwinds past the handler, which ends
/// the connection's task, and prints nothing, because the panic hook is not called.
pub(crate) fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the fake closed the connection"))
}

/// Makes aws-lc the process's TLS provider, once; `reqwest` here is built without one of its own.
pub fn use_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody else in this process has chosen already, which serves as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}

/// An HTTP client for loopback: no proxy, no redirects followed, no time limit of its own.
pub fn client() -> reqwest::Client {
    use_crypto();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without options that can fail")
}

/// Asks again and again until `look` gives something.
///
/// # Panics
/// When nothing came within `limit`.
#[track_caller]
pub fn eventually<T, F, Fut>(limit: Duration, mut look: F) -> impl Future<Output = T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < deadline, "{caller}: it did not happen within {limit:?}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// A loopback port that was free a moment ago, for processes that must be told one.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free loopback port")
        .port()
}

/// An empty folder that goes away with the value.
pub fn data_folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("guildhall-").tempdir().expect("a writable temporary folder")
}
