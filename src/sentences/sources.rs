//! Why a source could not be read, or not all of it: what is stored is which case it is, and whoever looks reads of it in
//! their own language.

use super::{Book, Lang, library};
use axum::http::StatusCode;
use fluent_bundle::FluentValue;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One row for each case: its name in code, what is filled into its sentence, and its code, which is also the name under
/// which its sentence stands in `messages/sources.*.ftl`.
macro_rules! cases {
    ($($(#[$about:meta])+ $case:ident $({ $($(#[$meaning:meta])+ $argument:ident: $type:ty),+ })? = $code:tt;)+) => {
        /// Why a source could not be read, or not all of it. Codes are in the table and in scripts: they stay.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(tag = "code")]
        pub enum SourceError {
            $($(#[$about])+ #[serde(rename = $code)] $case $({ $($(#[$meaning])+ $argument: $type),+ })?,)+
        }

        impl SourceError {
            /// A sentence for the admin who added the source.
            pub fn sentence(&self, lang: Lang) -> String {
                let texts = lang.texts(Book::Sources);
                match self {
                    $(Self::$case $({ $($argument),+ })? => library::filled(
                        texts, $code, [$($((stringify!($argument), $argument.filling(lang))),+)?],
                    ),)+
                }
            }
        }

        #[cfg(test)]
        pub(super) const DECLARED: &[super::tests::Declared] = &[$(super::tests::Declared {
            name: $code,
            arguments: &[$($(stringify!($argument)),+)?],
            limit: super::tests::PAGE,
        }),+];
    };
}

cases! {
    // A page.

    /// The address is not of the web.
    NotWeb = "not_web";
    /// The address holds what somebody signs in with.
    Credentials = "credentials";
    /// The address leads into a private network.
    NotPublic = "not_public";
    /// There is no such server.
    UnknownName = "unknown_name";
    /// The server cannot be reached.
    Unreachable = "unreachable";
    /// The server's certificate is not trusted.
    BadCertificate = "bad_certificate";
    /// No encrypted connection came about.
    BadTls = "bad_tls";
    /// The server did not answer in time.
    TooSlow = "too_slow";
    /// The server broke off, or sent no HTTP.
    Broken = "broken";
    /// The page is too large.
    LargePage {
        /// More than that.
        megabytes: usize
    } = "large_page";
    /// The page redirects in a circle.
    Circle = "circle";
    /// The page redirects too often.
    TooManyRedirects {
        /// More often than that.
        count: usize
    } = "too_many_redirects";
    /// The page redirects without saying where to.
    NowhereRedirect = "nowhere_redirect";
    /// The page can only be read after signing in.
    SignIn {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "sign_in";
    /// The server does not let Guildhall read the page.
    Forbidden {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "forbidden";
    /// There is nothing at the address.
    NoPage {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "no_page";
    /// The server wants to be asked less often.
    TooOften {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "too_often";
    /// The server has a problem.
    ServerFailed {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "server_failed";
    /// The server answered something else than the page.
    Answered {
        /// What the server answered.
        #[schema(value_type = u16, example = 404)]
        status: HttpStatus
    } = "answered";
    /// The page holds no text.
    EmptyPage = "empty_page";
    /// The page is nested too deep, or repeats too much.
    Nested = "nested";

    // A site.

    /// The site's robots.txt could not be read.
    NoRobots {
        /// Why.
        #[schema(no_recursion)]
        because: Box<SourceError>
    } = "no_robots";
    /// The site's robots.txt forbids it.
    RobotsForbid = "robots_forbid";
    /// The site's pages ask not to be indexed.
    NoIndex = "no_index";
    /// The page redirects out of this part of the site.
    RedirectsOut = "redirects_out";
    /// The page redirects to one that robots.txt forbids.
    RedirectsToForbidden = "redirects_to_forbidden";
    /// The site stopped answering; the rest is missing.
    SiteStopped {
        /// Why.
        #[schema(no_recursion)]
        because: Box<SourceError>
    } = "site_stopped";
    /// The site is too slow; the rest is missing.
    SlowSite {
        /// At least so many pages.
        left: usize
    } = "slow_site";
    /// The site is larger than was allowed; the rest is missing.
    LargeSite {
        /// More pages than that.
        pages: usize
    } = "large_site";

    // A file, or what a page turned out to be.

    /// It is no text in a format that can be read.
    NotReadable = "not_readable";
    /// The file holds no text.
    EmptyFile = "empty_file";
    /// The file is damaged, or of an unknown kind.
    DamagedFile = "damaged_file";
    /// The file is damaged, or takes too much memory.
    GaveUp = "gave_up";
    /// The file takes too long.
    SlowFile = "slow_file";
    /// Guildhall has no room for the file just now.
    Busy = "busy";
    /// The file needs a password.
    LockedFile = "locked_file";
    /// It is called a PDF file and is none.
    NoPdf = "no_pdf";
    /// The PDF file is damaged.
    DamagedPdf = "damaged_pdf";
    /// The PDF file contains itself.
    CircularPdf = "circular_pdf";
    /// The PDF file needs a password.
    LockedPdf = "locked_pdf";
    /// The PDF file unpacks to too much.
    LargePdf = "large_pdf";
    /// The PDF file holds pictures of pages.
    ScannedPdf = "scanned_pdf";
    /// It is called a Word file and is none.
    NoWord = "no_word";
    /// It is a Word file of the old kind, or needs a password.
    OldWord = "old_word";
    /// It is another kind of archive or Office file.
    OtherOffice = "other_office";
    /// It is no Word file.
    NotDocx = "not_docx";
    /// The Word file is damaged.
    DamagedWord = "damaged_word";
    /// The file has too many parts.
    ManyParts {
        /// More than that.
        count: usize
    } = "many_parts";
    /// The file unpacks to too much.
    LargeFile {
        /// More than that.
        megabytes: u64
    } = "large_file";

    // Before and afterwards.

    /// Guildhall had too much to do to take it in.
    NotTaken = "not_taken";
    /// Nothing in it could answer a question.
    NoPassages = "no_passages";
    /// It has no embeddings.
    NotEmbedded = "not_embedded";
    /// Guildhall had a problem of its own with reading it.
    NotRead = "not_read";
    /// Guildhall had a problem of its own with the index.
    NotIndexed = "not_indexed";
    /// What was read of it is gone.
    Gone = "gone";
}

/// In English, for tests and whoever knows no better.
impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Lang::En))
    }
}

impl std::error::Error for SourceError {}

/// The status of an answer, which people see with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HttpStatus(pub u16);

impl SourceError {
    /// What a status means that is not the page.
    pub(crate) fn of_status(status: u16) -> Self {
        let (number, status) = (status, HttpStatus(status));
        match number {
            401 | 407 => Self::SignIn { status },
            403 => Self::Forbidden { status },
            404 | 410 => Self::NoPage { status },
            429 => Self::TooOften { status },
            500..=599 => Self::ServerFailed { status },
            _ => Self::Answered { status },
        }
    }
}

/// What can be filled into a sentence.
trait Filling {
    fn filling(&self, lang: Lang) -> FluentValue<'static>;
}

impl Filling for usize {
    fn filling(&self, _: Lang) -> FluentValue<'static> {
        (*self).into()
    }
}

impl Filling for u64 {
    fn filling(&self, _: Lang) -> FluentValue<'static> {
        (*self).into()
    }
}

impl Filling for HttpStatus {
    fn filling(&self, _: Lang) -> FluentValue<'static> {
        let name = StatusCode::from_u16(self.0).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        format!("{} {name}", self.0).trim_end().to_owned().into()
    }
}

impl Filling for Box<SourceError> {
    fn filling(&self, lang: Lang) -> FluentValue<'static> {
        self.sentence(lang).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_kept_as_its_code_and_said_in_any_language() {
        let because = Box::new(SourceError::of_status(503));
        let error = SourceError::NoRobots { because };
        let kept = serde_json::to_value(&error).unwrap();
        let told = serde_json::json!({"code": "no_robots", "because": {"code": "server_failed", "status": 503}});
        assert_eq!(kept, told);
        assert_eq!(serde_json::from_value::<SourceError>(kept).unwrap(), error);
        assert!(
            error
                .sentence(Lang::En)
                .ends_with("The page answered 503 Service Unavailable: its server has a problem. Try again later")
        );
        assert!(error.sentence(Lang::Fr).contains("503 Service Unavailable"));
        assert_ne!(error.sentence(Lang::Fr), error.sentence(Lang::En));
    }

    #[test]
    fn a_status_without_a_name_is_its_number() {
        assert_eq!(SourceError::of_status(299).to_string(), "The page answered 299 instead of its text");
    }
}
