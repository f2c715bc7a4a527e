//! What stands around every page: navigation, notices, the footer.

use super::preferences::{Preferences, Theme};
use super::visitor::Guest;
use crate::dashboard::assets;
use crate::dashboard::auth::{Actor, Scope};
use crate::sentences::Lang;
use crate::sentences::pages::Words;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a page is about, for the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Servers,
    Knowledge,
    Playground,
    Usage,
    Notifications,
    Team,
    Bot,
    Tokens,
    Account,
    /// Something that the navigation does not list.
    Nowhere,
}

/// What a page needs besides its own contents.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) w: Words,
    pub(super) theme: Theme,
    pub(super) here: Here,
    /// The page's own address, to come back to.
    pub(super) path: String,
    /// What forms send back; empty for who is not signed in.
    pub(super) csrf: String,
    /// Whose pages they are; none for who is not signed in.
    pub(super) account: Option<String>,
    /// How the visitor is called.
    pub(super) who: String,
    /// Whether they can sign out: not the local admin, who never signed in.
    pub(super) can_sign_out: bool,
    /// What they may do.
    may: BTreeSet<Scope>,
    /// What has just happened.
    pub(super) notice: Option<String>,
    /// Where the style is, and below it the scripts and pictures.
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) htmx: &'static str,
    pub(super) icons: &'static str,
    pub(super) mark: &'static str,
}

/// One entry of the navigation.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) address: &'static str,
    pub(super) icon: &'static str,
    pub(super) label: &'static str,
    pub(super) is_here: bool,
}

impl Shell {
    /// Around a page of the visitor's.
    pub(super) fn new(visitor: &Guest, here: Here) -> Self {
        Self {
            csrf: visitor.csrf().to_owned(),
            account: Some(visitor.home.account.name.clone()),
            who: match &visitor.actor {
                Actor::Person { name, .. } | Actor::Token { name, .. } => name.clone(),
                Actor::Operator => String::new(),
            },
            can_sign_out: visitor.session().is_some(),
            may: visitor.scopes(),
            ..Self::outside(visitor.preferences, here, &visitor.path)
        }
    }

    /// Around a page that anybody may see.
    pub(super) fn outside(preferences: Preferences, here: Here, path: &str) -> Self {
        Self {
            w: Words(preferences.lang),
            theme: preferences.theme,
            here,
            path: path.to_owned(),
            csrf: String::new(),
            account: None,
            who: String::new(),
            can_sign_out: false,
            may: BTreeSet::new(),
            notice: None,
            style: assets::STYLE.address(),
            script: assets::SCRIPT.address(),
            htmx: assets::HTMX.address(),
            icons: assets::ICONS.address(),
            mark: assets::MARK.address(),
        }
    }

    /// With a notice of what has just happened.
    pub(super) fn telling(mut self, told: Option<Notice>) -> Self {
        self.notice = told.map(|notice| notice.text(self.w).to_owned());
        self
    }

    /// Whether the visitor may do this.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.may.contains(&scope)
    }

    pub(super) fn lang(&self) -> &'static str {
        self.w.0.code()
    }

    /// The languages to choose from: code, name in itself, whether it is this one.
    pub(super) fn languages(&self) -> Vec<(&'static str, &'static str, bool)> {
        Lang::ALL.iter().map(|&lang| (lang.code(), Words(lang).language_name(), lang == self.w.0)).collect()
    }

    /// The colours to choose from: code, name, whether it is these.
    pub(super) fn themes(&self) -> [(&'static str, &'static str, bool); 3] {
        let name = |theme| match theme {
            Theme::Auto => self.w.theme_auto(),
            Theme::Light => self.w.theme_light(),
            Theme::Dark => self.w.theme_dark(),
        };
        [Theme::Auto, Theme::Light, Theme::Dark].map(|theme| (theme.code(), name(theme), theme == self.theme))
    }

    pub(super) fn navigation(&self) -> Vec<(&'static str, Vec<Entry>)> {
        let w = self.w;
        let entry = |need: Scope, here, address, icon, label| {
            self.may.contains(&need).then_some(Entry { address, icon, label, is_here: here == self.here })
        };
        let work = [
            entry(Scope::ReadAccount, Here::Overview, "/", "home", w.nav_overview()),
            entry(Scope::ReadGuilds, Here::Servers, "/servers", "servers", w.nav_servers()),
            entry(Scope::ReadKnowledge, Here::Knowledge, "/knowledge", "book", w.nav_knowledge()),
            entry(Scope::Ask, Here::Playground, "/playground", "chat", w.nav_playground()),
        ];
        let account = [
            entry(Scope::ReadAccount, Here::Usage, "/usage", "gauge", w.nav_usage()),
            entry(Scope::ReadMembers, Here::Team, "/team", "people", w.nav_team()),
            entry(Scope::ReadEvents, Here::Notifications, "/notifications", "bell", w.nav_notifications()),
            entry(Scope::ReadBot, Here::Bot, "/bot", "bot", w.nav_bot()),
            entry(Scope::ManageTokens, Here::Tokens, "/tokens", "key", w.nav_tokens()),
        ];
        let there = |entries: Vec<Option<Entry>>| entries.into_iter().flatten().collect();
        vec![("", there(work.into())), (w.nav_account(), there(account.into()))]
    }
}

/// What has just happened, told on the page that the browser is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Notice {
    SettingsSaved,
    SourceAdded,
    SourceRefreshed,
    SourceRemoved,
    NotificationsSaved,
    BotSaved,
    BotRemoved,
    TokenRevoked,
    QuestionClosed,
    InvitationRevoked,
    RoleChanged,
    MemberRemoved,
    AccountLeft,
    ServerDisconnected,
}

impl Notice {
    fn code(self) -> &'static str {
        match self {
            Self::SettingsSaved => "settings_saved",
            Self::SourceAdded => "source_added",
            Self::SourceRefreshed => "source_refreshed",
            Self::SourceRemoved => "source_removed",
            Self::NotificationsSaved => "notifications_saved",
            Self::BotSaved => "bot_saved",
            Self::BotRemoved => "bot_removed",
            Self::TokenRevoked => "token_revoked",
            Self::QuestionClosed => "question_closed",
            Self::InvitationRevoked => "invitation_revoked",
            Self::RoleChanged => "role_changed",
            Self::MemberRemoved => "member_removed",
            Self::AccountLeft => "account_left",
            Self::ServerDisconnected => "server_disconnected",
        }
    }

    fn text(self, w: Words) -> &'static str {
        match self {
            Self::SettingsSaved => w.told_settings_saved(),
            Self::SourceAdded => w.told_source_added(),
            Self::SourceRefreshed => w.told_source_refreshed(),
            Self::SourceRemoved => w.told_source_removed(),
            Self::NotificationsSaved => w.told_notifications_saved(),
            Self::BotSaved => w.told_bot_saved(),
            Self::BotRemoved => w.told_bot_removed(),
            Self::TokenRevoked => w.told_token_revoked(),
            Self::QuestionClosed => w.told_question_closed(),
            Self::InvitationRevoked => w.told_invitation_revoked(),
            Self::RoleChanged => w.told_role_changed(),
            Self::MemberRemoved => w.told_member_removed(),
            Self::AccountLeft => w.told_account_left(),
            Self::ServerDisconnected => w.told_server_disconnected(),
        }
    }
}

/// The parameter that carries a notice. An unknown one is none.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Told {
    #[serde(default)]
    told: String,
}

impl Told {
    pub(super) fn notice(&self) -> Option<Notice> {
        serde_json::from_value(self.told.clone().into()).ok()
    }
}

/// Sends the browser to a page that tells what has happened, so that going back or reloading repeats nothing.
pub(super) fn to_page(address: &str, notice: Notice) -> Response {
    let joint = if address.contains('?') { '&' } else { '?' };
    (StatusCode::SEE_OTHER, [(LOCATION, format!("{address}{joint}told={}", notice.code()))]).into_response()
}
