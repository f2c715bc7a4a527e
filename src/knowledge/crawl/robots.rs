//! What a site's robots.txt says. [RFC 9309](https://www.rfc-editor.org/rfc/rfc9309)

use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use super::super::SourceError;
use super::super::fetch::{FetchError, Fetched, Fetcher, Wanted};

/// The name that a robots.txt can address us by.
const NAME: &str = "Guildhall";

/// As much as has to be read at least. [RFC 9309 §2.5]
const MAX_BYTES: usize = 500 * 1024;

/// A site that asks for more could not be read in a day.
const MAX_DELAY: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Robots {
    origin: Url,
    /// None allows everything.
    rules: Option<Robot>,
}

impl Robots {
    /// Reads the robots.txt of the server of `url`. One that does not exist allows everything; one that cannot be read
    /// allows nothing. [RFC 9309 §2.3.1]
    pub(super) async fn of(fetcher: &Fetcher, url: &Url) -> Result<Self, SourceError> {
        let origin = url.join("/").map_err(|_| FetchError::NotWeb)?;
        let address = url.join("/robots.txt").map_err(|_| FetchError::NotWeb)?;
        let body = match fetcher.load(&address, None, Wanted::Anything, |_| Ok(())).await {
            Ok(Fetched::Page(page)) => page.body,
            Ok(Fetched::Unchanged) => return Err(FetchError::Broken.into()),
            Err(FetchError::Status(status)) if (400..500).contains(&status) && status != 429 => {
                return Ok(Self { origin, rules: None });
            }
            Err(error @ (FetchError::Status(_) | FetchError::TooLarge(_) | FetchError::TooManyRedirects(_))) => {
                return Err(SourceError::NoRobots { because: Box::new(error.into()) });
            }
            Err(error) => return Err(error.into()),
        };
        let rules = tokio::task::spawn_blocking(move || Robot::new(NAME, &body[..body.len().min(MAX_BYTES)])).await;
        // What is no robots.txt (a page that says "not found" with status 200) has no rules.
        Ok(Self { origin, rules: rules.ok().and_then(Result::ok) })
    }

    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    pub(super) fn allows(&self, url: &Url) -> bool {
        self.rules.as_ref().is_none_or(|rules| rules.allowed(url.as_str()))
    }

    pub(super) fn check(&self, url: &Url) -> Result<(), SourceError> {
        if self.allows(url) {
            return Ok(());
        }
        Err(SourceError::RobotsForbid)
    }

    /// What the site asks for between two requests.
    pub(super) fn delay(&self) -> Duration {
        let seconds = self.rules.as_ref().and_then(|rules| rules.delay).unwrap_or_default();
        Duration::try_from_secs_f32(seconds).unwrap_or_default().min(MAX_DELAY)
    }

    pub(super) fn sitemaps(&self) -> impl Iterator<Item = Url> {
        let named = self.rules.as_ref().map_or(&[][..], |rules| &rules.sitemaps);
        named.iter().filter_map(|address| self.origin.join(address.trim()).ok())
    }
}
