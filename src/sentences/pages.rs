//! The words of the dashboard's pages: one method for each text, under whose name it stands in `messages/pages.*.ftl`.

use super::{Book, Lang, library};
use crate::account::{Feature, Role};
use fluent_bundle::FluentValue;

/// The words of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Lang);

/// As `messages!`, but methods, since a page says many: a template writes `{{ w.save() }}`. The name of a text says where
/// it stands and what it is about. What is filled in is a number or a string; a string goes in as it is, and templates
/// escape what comes out.
macro_rules! words {
    ($($name:ident $(($($argument:ident),+))?;)+) => {
        impl Words {
            $(words! { @method $name $(($($argument),+))? })+
        }

        #[cfg(test)]
        pub(super) const DECLARED: &[super::tests::Declared] = &[$(super::tests::Declared {
            name: stringify!($name),
            arguments: &[$($(stringify!($argument)),+)?],
            limit: super::tests::PAGE,
        }),+];
    };
    (@method $name:ident) => {
        pub(crate) fn $name(self) -> &'static str {
            library::text(self.0.texts(Book::Pages), stringify!($name))
        }
    };
    (@method $name:ident ($($argument:ident),+)) => {
        pub(crate) fn $name<'a>(self, $($argument: impl Into<FluentValue<'a>>),+) -> String {
            let texts = self.0.texts(Book::Pages);
            library::filled(texts, stringify!($name), [$((stringify!($argument), $argument.into())),+])
        }
    };
}

impl Words {
    /// What a role is called.
    pub(crate) fn role(self, role: Role) -> &'static str {
        match role {
            Role::Owner => self.role_owner(),
            Role::Admin => self.role_admin(),
            Role::Agent => self.role_agent(),
        }
    }

    /// What a feature of plans is called.
    pub(crate) fn feature(self, feature: Feature) -> &'static str {
        match feature {
            Feature::Discord => self.feature_discord(),
            Feature::LiveMonitoring => self.feature_live(),
            Feature::Takeover => self.feature_takeover(),
            Feature::Escalation => self.feature_escalation(),
        }
    }
}

words! {
    // Around every page.

    language_name;
    skip;
    menu;
    nav_label;
    nav_overview;
    nav_servers;
    nav_knowledge;
    nav_playground;
    nav_account;
    nav_usage;
    nav_notifications;
    nav_bot;
    nav_tokens;
    language;
    theme;
    theme_auto;
    theme_light;
    theme_dark;
    foot_api;
    save;
    copy;
    copied;
    unsaved;
    unsaved_note;
    request_failed;
    form_refused;
    pager;
    pager_before;
    pager_after;

    // Times and amounts.

    ago_moment;
    ago_minutes(count);
    ago_hours(count);
    ago_days(count);
    seconds(amount);

    // What has just happened.

    told_settings_saved;
    told_source_added;
    told_source_refreshed;
    told_source_removed;
    told_notifications_saved;
    told_bot_saved;
    told_bot_removed;
    told_token_revoked;

    // Problems.

    problem_home;
    problem_forbidden;
    problem_forbidden_text;
    problem_not_found;
    problem_not_found_text;
    problem_method_text;
    problem_too_large;
    problem_too_large_text;
    problem_too_many;
    problem_too_many_text;
    problem_unavailable;
    problem_unavailable_text;
    problem_mistake;
    problem_mistake_text;
    problem_refused;
    problem_refused_text;

    // Refusals.

    denied_unknown;
    denied_no_account;
    denied_forged;
    denied_role(needed, own);
    denied_scope(scope);
    denied_people;
    denied_operators;
    denied_plan(feature, needed, own);
    denied_invite(role);
    denied_own_token;
    denied_not_manager;
    denied_not_signed_in;
    denied_sign_in_again;
    denied_give(scope);
    trouble_unavailable;
    sign_in_not_offered;
    sign_in_over;
    sign_in_denied;
    sign_in_refused;
    sign_in_discord_down;
    sign_in_no_account(id);
    sign_in_invitation_over;
    connect_no_such_server;
    connect_over;
    connect_declined;
    connect_refused;
    connect_not_manager;
    connect_is_anothers;
    connect_no_bot;
    connect_discord_down;

    // Overview.

    steps_title;
    step_done;
    step_knowledge;
    step_knowledge_text;
    step_knowledge_action;
    step_ask;
    step_ask_text;
    step_ask_action;
    step_server;
    step_server_text;
    step_server_action;
    attention_title;
    attention_see_usage;
    attention_see_knowledge;
    attention_see_playground;
    usage_this_month;
    usage_of(limit);
    overview_sources;
    overview_passages(count, shown);
    events_title;
    events_none;
    events_all;
    event_escalation(asker);
    event_escalations(more);
    event_quota(percent, limit);
    event_open;

    // Servers.

    servers_lead;
    servers_none;
    servers_none_text;
    servers_by_id;
    servers_id;
    servers_id_hint;
    servers_bad_id;
    servers_open;
    server_name(id);
    server_id(id);
    server_left;
    server_gone;
    server_gone_text;
    server_overtaken;
    server_see_theirs;
    mode_title;
    mode_hint;
    mode_mention;
    mode_mention_text;
    mode_all;
    mode_all_text;
    mode_command;
    mode_command_text;
    mode_smart;
    mode_smart_text;
    mode_context;
    mode_context_text;
    server_thread;
    server_thread_text;
    server_persona;
    server_role;
    server_role_hint;
    server_persona_long(limit);
    server_instructions;
    server_instructions_hint;
    server_language;
    server_language_hint;
    server_language_auto;
    server_instructions_long(limit);
    server_where;
    channels_allow;
    channels_allow_hint;
    channels_deny;
    channels_deny_hint;
    server_who;
    roles_allow;
    roles_allow_hint;
    roles_deny;
    roles_deny_hint;
    picker_filter;
    picker_ids;
    picker_ids_hint;
    server_bad_id(word);
    server_list_long(limit);
    server_pace;
    server_cooldown;
    server_cooldown_hint;
    server_cooldown_long(limit);
    server_per_hour;
    server_per_hour_hint;
    server_per_hour_many(limit);
    server_no_number;

    // Knowledge.

    knowledge_lead;
    knowledge_add;
    knowledge_none;
    knowledge_none_text;
    knowledge_find;
    knowledge_only;
    only_all;
    only_reading;
    only_failed;
    knowledge_filter;
    knowledge_count(count);
    knowledge_answering(count, shown);
    knowledge_nothing_fits;
    knowledge_look_further;
    kind_text;
    kind_file;
    kind_page;
    kind_site;
    state_pending;
    state_reading;
    state_ready;
    state_incomplete;
    state_failed;
    state_removing;
    source_passages(count, shown);
    source_progress(done, total);

    // Adding knowledge.

    add_kinds;
    add_files;
    add_site;
    add_page;
    add_text;
    add_qa;
    add_files_choose;
    add_files_hint;
    add_send_files;
    add_choose;
    add_sending;
    add_see_knowledge;
    add_file_taken;
    add_no_file;
    add_site_url;
    add_site_hint;
    add_page_url;
    add_page_hint;
    add_no_address;
    add_max_pages;
    add_max_pages_hint(limit);
    add_max_depth;
    add_max_depth_hint;
    add_bad_number(limit);
    add_title;
    add_title_hint;
    add_body;
    add_question;
    add_question_hint;
    add_answer;
    add_markdown_hint;
    add_send;
    unfit_empty;
    unfit_long_title(limit);
    unfit_no_name;
    unfit_empty_file;
    unfit_large_file;
    unfit_not_web;
    unfit_credentials;
    unfit_pages(limit);

    // One source.

    source_added;
    source_limits(pages, depth);
    source_state;
    source_documents;
    source_passages_title;
    source_read;
    source_old_answers;
    source_skipped;
    source_holds;
    source_holds_text;
    source_show;
    source_empty;
    source_manage;
    source_refresh;
    source_refresh_text;
    source_reread_text;
    source_remove;
    source_remove_text;
    source_remove_sure;
    source_remove_yes;

    // Test retrieval.

    test_title;
    test_lead;
    test_question;
    test_search;
    test_too_long(limit);
    test_count(count);
    test_took(amount);
    test_score;
    test_source;
    test_nothing;
    test_nothing_text;
    test_add;

    // Playground.

    playground_lead;
    playground_new;
    playground_server;
    playground_no_server;
    playground_no_model;
    playground_log;
    playground_empty;
    playground_example_1;
    playground_example_2;
    playground_example_3;
    playground_question;
    playground_placeholder;
    playground_ask;
    playground_thinking;
    playground_you;
    playground_it;
    playground_sources;
    playground_unanswered;
    playground_add;
    playground_human;
    playground_steps;

    // Usage and plan.

    usage_lead;
    usage_month(month);
    usage_left(count);
    usage_resets(date);
    plans_title;
    plans_hint;
    plan_starter;
    plan_standard;
    plan_pro;
    plan_yours;
    plan_messages(count);
    plan_without;
    feature_discord;
    feature_escalation;

    // Notifications.

    mail_lead;
    mail_title;
    mail_plan;
    mail_emails;
    mail_emails_hint;
    mail_language;
    mail_many(count);
    mail_bad(address);

    // Custom bot.

    bot_lead;
    bot_yours;
    bot_application;
    bot_application_hint;
    bot_connection;
    bot_since;
    bot_connecting;
    bot_connected;
    bot_stopped;
    bot_token_refused;
    bot_content_refused;
    bot_intents_refused;
    bot_remove;
    bot_remove_text;
    bot_remove_sure;
    bot_remove_yes;
    bot_bring;
    bot_replace;
    bot_where;
    bot_portal;
    bot_key;
    bot_key_hint;
    bot_token;
    bot_token_hint;
    bot_check;
    bot_no_application;
    bot_no_key;
    bot_no_token;
    bot_unknown_token;
    bot_refused_token;
    bot_anothers_token;
    bot_wrong_key;
    bot_shared;
    bot_taken;
    bot_unavailable;

    // API tokens.

    tokens_lead;
    tokens_yours;
    tokens_none;
    token_made;
    token_made_text;
    token_since;
    token_revoke;
    token_revoke_sure;
    token_revoke_yes;
    token_revoke_named(name);
    token_new;
    token_name;
    token_name_hint;
    token_bad_name(limit);
    token_may_all;
    token_scopes;
    token_no_scope;
    scope_read_account;
    scope_count_usage;
    scope_ask;
    scope_read_guilds;
    scope_change_settings;
    scope_read_knowledge;
    scope_manage_knowledge;
    scope_read_conversations;
    scope_read_bot;
    scope_manage_bot;
    scope_read_events;
    scope_manage_notifications;
    scope_manage_tokens;
    scope_read_members;
    scope_invite;
    scope_manage_members;
    scope_read_audit;
    token_create;

    // Signing in.

    sign_in;
    sign_in_title;

    // Open questions.

    questions_title;
    questions_lead;
    questions_unanswered;
    questions_downvoted;
    questions_none;
    questions_none_text;
    questions_votes(count);
    questions_close;
    told_question_closed;

    // Health of a server.

    health_title;
    health_problem;
    health_warning;
    health_unknown;
    health_ok;
    health_summary_problem;
    health_summary_warning;
    health_summary_unknown;
    health_summary_ok;
    health_of_server;
    health_of_account;
    health_since;
    health_again;
    check_discord;
    check_membership;
    check_gateway;
    check_content;
    check_permissions;
    check_answers;
    check_settings;
    check_commands;
    check_interactions;
    check_quota;
    check_model;
    check_embeddings;
    check_sources;
    check_mail;
    check_key;
    server_settings;
    servers_add;
    attention_see_health;

    // Messages by day.

    chart_title;
    chart_label;
    chart_table;
    chart_day;
    chart_total;
    kind_mention;
    kind_all;
    kind_command;
    kind_api;
    kind_other;
    feature_live;
    feature_takeover;

    // Steps of an answer.

    step_conversation;
    step_retrieval;
    step_quota;
    step_prompt;
    step_model;
    step_reply;
    step_memory;
    milliseconds(amount);

    // Team.

    nav_team;
    sign_out;
    team_lead;
    team_made;
    team_made_text;
    team_members;
    team_nobody;
    team_you;
    team_since;
    team_role_of(name);
    team_change;
    team_remove;
    team_remove_sure;
    team_remove_yes;
    team_invite;
    team_invite_text;
    team_invite_send;
    team_open;
    team_ends(date);
    team_uninvite;
    team_last_owner;
    team_many_invitations;
    role_owner;
    role_owner_text;
    role_admin;
    role_admin_text;
    role_agent;
    role_agent_text;
    told_invitation_revoked;
    told_role_changed;
    told_member_removed;
    audit_title;
    audit_none;
    audit_token(name);
    audit_settings_changed;
    audit_source_added;
    audit_source_refreshed;
    audit_source_removed;
    audit_notifications_changed;
    audit_bot_set;
    audit_bot_removed;
    audit_token_created;
    audit_token_revoked;
    audit_invitation_created;
    audit_invitation_revoked;
    audit_member_joined;
    audit_member_role_changed;
    audit_member_removed;
    audit_guild_connected;
    audit_guild_disconnected;
    audit_account_created;
    audit_member_left;
    audit_plan_changed;
    account_title;
    account_lead;
    account_list;
    account_none;
    account_current;
    account_choose;
    account_choose_named(account);
    account_leave;
    account_leave_named(account);
    account_leave_sure;
    account_leave_yes;
    account_sessions;
    account_sessions_text;
    sign_out_everywhere;
    told_account_left;
    server_disconnect;
    server_disconnect_text;
    server_disconnect_leave;
    server_disconnect_sure;
    server_disconnect_yes;
    told_server_disconnected;
    join_title;
    join_text(account, role);
    join_as(name);
}
