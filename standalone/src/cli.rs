//! What can be typed after `guildhall`.

use clap::{Args, Parser, Subcommand};
use guildhall::dashboard::api::ask::Session;
use guildhall::dashboard::auth::Scope;

/// An AI member of staff for Discord servers.
#[derive(Debug, Parser)]
#[command(name = "guildhall", version, max_term_width = 100, after_help = SETTINGS)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Said at the end of the help.
const SETTINGS: &str = "Settings come from environment variables; docs/guide/configuration.md lists them. The most \
    important ones are LLM_BASE_URL and LLM_MODEL (the model), DISCORD_TOKEN (the bot) and GUILDHALL_DATA (the data \
    folder).";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server: Discord's webhook, the API, the queue, and the indexing of sources.
    ///
    /// Stops with Ctrl-C. What it has accepted is finished after the next start, even if it is killed.
    Serve,
    /// A command that works through the API, of a running server or of one within this process.
    #[command(flatten)]
    Remote(Remote),
}

/// Commands that work through the API.
#[derive(Debug, Subcommand)]
pub enum Remote {
    /// Ask a question and print the answer with its sources.
    ///
    /// It goes through the same steps as a question in Discord and counts as one message of the plan.
    Ask(AskArgs),
    /// Add, list, remove and search what questions are answered from.
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// Make, list and revoke API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

/// `guildhall ask`.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The question, in quotation marks.
    pub question: String,
    /// Continue the conversation of this name, so that follow-up questions are understood.
    #[arg(long, value_name = "NAME", value_parser = session)]
    pub session: Option<Session>,
}

/// `guildhall knowledge`.
#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// Add files, folders and web addresses, and wait until they answer questions.
    ///
    /// Of a folder, all files below it whose format is known are added; hidden ones and those that a .gitignore names
    /// are left out. An address that ends in "/" is a site, whose pages are read below it; any other is one page.
    /// Adding the same thing again reads it anew.
    Add(AddArgs),
    /// List all sources with their states.
    List,
    /// Remove sources, and wait until no answer uses them any more.
    Remove {
        /// Ids, as `guildhall knowledge list` shows them.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Show which passages a question finds, without asking the model.
    Search {
        /// The question, in quotation marks.
        question: String,
        /// Passages at most.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
    },
}

/// `guildhall knowledge add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Files, folders, or addresses that begin with http:// or https://.
    #[arg(required = true, value_name = "PATH|URL")]
    pub what: Vec<String>,
    /// Read addresses as single pages, also those that end in "/".
    #[arg(long, conflicts_with_all = ["site", "max_pages", "depth"])]
    pub page: bool,
    /// Read addresses as sites, also those that do not end in "/".
    #[arg(long)]
    pub site: bool,
    /// Read at most so many pages of a site [default: 2000]; implies --site.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub max_pages: Option<u32>,
    /// Follow links of a site at most so many steps away from the address [default: 6]; implies --site.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub depth: Option<u32>,
}

/// `guildhall token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it, this once.
    Create {
        /// What to call it, for example after the program that will use it.
        name: String,
        /// Something that it may do, such as `ask` or `knowledge:write`; may be given several times. Without it, all that
        /// programs usually need.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
    },
    /// List tokens by name; never the tokens themselves.
    List,
    /// Make a token invalid at once.
    Revoke {
        /// Its name or its id.
        #[arg(value_name = "NAME|ID")]
        token: String,
    },
}

fn session(name: &str) -> Result<Session, String> {
    Session::try_from(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_guides_commands_are_understood() {
        for line in [
            "guildhall serve",
            "guildhall ask question",
            "guildhall ask question --session ann",
            "guildhall knowledge add ./handbook https://docs.example.com/",
            "guildhall knowledge add https://docs.example.com/install.html",
            "guildhall knowledge add https://docs.example.com/ --page",
            "guildhall knowledge add https://docs.example.com/manual --site",
            "guildhall knowledge add https://docs.example.com/ --max-pages 50 --depth 2",
            "guildhall knowledge list",
            "guildhall knowledge remove src-1 src-2",
            "guildhall knowledge search question",
            "guildhall token create website",
            "guildhall token create website --scope ask --scope knowledge:read",
            "guildhall token list",
            "guildhall token revoke website",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for line in [
            "guildhall knowledge add",
            "guildhall knowledge remove",
            "guildhall knowledge add https://docs.example.com/ --page --depth 2",
            "guildhall knowledge add https://docs.example.com/ --page --site",
            "guildhall knowledge add https://docs.example.com/ --max-pages 0",
            "guildhall ask question --session a/b",
            "guildhall token create website --scope everything",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
