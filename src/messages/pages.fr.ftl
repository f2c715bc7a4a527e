### Ce que disent les pages du tableau de bord, en français. Chaque texte tient sur une ligne.
###
### En français, `one` vaut pour 0 et pour 1.

## Around every page

language_name = Français
skip = Aller au contenu
menu = Menu
nav_label = Pages
nav_overview = Vue d’ensemble
nav_servers = Serveurs
nav_knowledge = Connaissances
nav_playground = Bac à sable
nav_account = Compte
nav_usage = Utilisation et offre
nav_notifications = Notifications
nav_bot = Bot personnalisé
nav_tokens = Jetons d’API
language = Langue
theme = Couleurs
theme_auto = Automatiques
theme_light = Claires
theme_dark = Sombres
foot_api = Description de l’API
save = Enregistrer
copy = Copier
copied = Copié
unsaved = Des modifications ne sont pas enregistrées.
unsaved_note = Modifications non enregistrées
request_failed = Guildhall est injoignable. Vérifiez votre connexion et réessayez.
form_refused = Rien n’a été enregistré : voyez ce qui est signalé ci-dessous.
pager = Autres pages de cette liste
pager_before = Précédente
pager_after = Suivante

## Times and amounts

ago_moment = à l’instant
ago_minutes = il y a { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
ago_hours = il y a { $count ->
        [one] { $count } heure
       *[other] { $count } heures
    }
ago_days = il y a { $count ->
        [one] { $count } jour
       *[other] { $count } jours
    }
seconds = { $amount } s

## What has just happened

told_settings_saved = Enregistré. Le serveur suit les nouveaux réglages en quelques secondes.
told_source_added = Reçu. Cela répond aux questions dès que c’est lu, en général en quelques secondes.
told_source_refreshed = Relecture en cours. L’ancien contenu répond en attendant.
told_source_removed = Supprimé. Cela ne répond plus aux questions une fois sorti de l’index, en quelques secondes.
told_notifications_saved = Enregistré. Ces adresses sont prévenues désormais.
told_bot_saved = Votre bot est en place. Il se connecte à Discord en quelques secondes.
told_bot_removed = Supprimé. La connexion du bot se ferme en quelques secondes et son jeton est effacé.
told_token_revoked = Révoqué. Le jeton ne vaut plus rien.

## Problems

problem_home = Vers la vue d’ensemble
problem_forbidden = Vous n’avez pas ce droit
problem_forbidden_text = Demandez à un propriétaire ou à un admin de ce compte, si vous en avez besoin.
problem_not_found = Il n’y a rien ici
problem_not_found_text = La page n’existe pas, ou elle appartient à un compte dont vous n’êtes pas membre.
problem_method_text = Cette adresse ne reçoit que des formulaires. Allez à la page où se trouve le formulaire.
problem_too_large = C’est trop volumineux
problem_too_large_text = Un formulaire peut peser 2 Mo, un fichier 64 Mo. Divisez-le, ou envoyez-le comme fichier.
problem_too_many = Trop à la fois
problem_too_many_text = Trop de requêtes sont venues de vous ou de votre réseau. Rien n’a été modifié. Attendez une minute et réessayez.
problem_unavailable = Guildhall ne peut pas le faire en ce moment
problem_unavailable_text = Un élément nécessaire ne répond pas. Rien n’a été modifié. Réessayez dans un instant.
problem_mistake = Guildhall a fait une erreur
problem_mistake_text = Elle est notée dans le journal. Réessayez ; si cela se répète, prévenez la personne qui gère cette installation.
problem_refused = Cela n’a pas été compris
problem_refused_text = Revenez en arrière, rechargez la page et réessayez.

## Refus

denied_unknown = Envoyez un jeton d’API valide : `Authorization: Bearer gh_…`. Il manque, il est faux ou révoqué.
denied_no_account = Vous n’êtes pas membre de ce compte. Choisissez un autre compte, ou demandez une invitation.
denied_forged = Cette modification ne vient pas d’une page de ce Guildhall, ou la page n’est plus à jour. Rechargez la page. Les programmes envoient un jeton d’API, pas un cookie.
denied_role = Il faut pour cela le rôle { $needed }, et vous êtes { $own } dans ce compte.
denied_scope = Ce jeton n’a pas le droit `{ $scope }`.
denied_not_manager = D’après Discord, vous ne gérez pas ce serveur.
denied_not_signed_in = C’est à une personne de connecter des serveurs, avec « Ajouter à Discord » sur le tableau de bord : Discord doit dire qu’elle les gère.
denied_sign_in_again = Reconnectez-vous : Discord ne laisse plus Guildhall demander quels serveurs vous gérez.
denied_people = Seule une personne connectée peut le faire, pas un jeton d’API.
denied_operators = C’est réservé aux personnes qui gèrent cette installation.
denied_plan = « { $feature } » : à partir de l’offre { $needed }. Ce compte a { $own }.
denied_invite = Seul un propriétaire peut inviter quelqu’un comme { $role }.
denied_own_token = La requête est faite avec ce jeton même : il ne peut pas se révoquer lui-même.
denied_give = Vous ne pouvez pas donner le droit `{ $scope }`, car vous ne l’avez pas vous-même.
trouble_unavailable = Guildhall n’atteint pas un élément dont il a besoin. Réessayez dans un instant.
sign_in_not_offered = Personne ne peut encore se connecter ici : la personne qui gère ce Guildhall doit définir DISCORD_CLIENT_SECRET.
sign_in_over = Cette connexion est terminée, a déjà servi, ou a commencé dans un autre navigateur. Connectez-vous de nouveau.
sign_in_denied = Vous n’avez pas permis à Discord de dire à Guildhall qui vous êtes : vous n’êtes donc pas connecté.
sign_in_refused = Discord n’a pas accepté les réglages de connexion de Guildhall. La personne qui gère ce Guildhall en trouve la raison dans son journal.
sign_in_discord_down = Discord ne répond pas en ce moment. Réessayez un peu plus tard.
sign_in_no_account = Vous n’appartenez à aucun compte de ce Guildhall. Demandez une invitation à l’un de ses propriétaires. La personne qui le gère peut vous rendre propriétaire en ajoutant { $id } à GUILDHALL_OPERATORS.
sign_in_invitation_over = Cette invitation est terminée, a déjà servi, ou a été annulée. Demandez-en une autre.
connect_no_such_server = Ce serveur n’existe pas ici.
connect_over = Cet ajout du bot est terminé, a déjà servi, ou a commencé ailleurs : rien n’a été connecté. Recommencez.
connect_declined = Vous n’avez ajouté le bot à aucun serveur : rien n’a été connecté.
connect_refused = Discord n’a pas dit à quel serveur le bot a été ajouté : rien n’a été connecté. Recommencez.
connect_not_manager = D’après Discord, vous ne gérez pas ce serveur : il n’a pas été connecté. Demandez à quelqu’un qui y a la permission « Gérer le serveur ».
connect_is_anothers = Un autre compte a connecté ce serveur : rien n’a été modifié. La personne qui le gère là-bas peut le déconnecter ; ajoutez-le ensuite ici.
connect_no_bot = Il n’y a aucun bot Discord à ajouter : aucun n’est configuré, ou Discord n’a pas encore dit qui il est.
connect_discord_down = Discord ne répond pas en ce moment : rien n’a été connecté. Recommencez dans une minute.

## Overview

steps_title = Pour commencer
step_done = Fait :
step_knowledge = Donnez-lui des connaissances
step_knowledge_text = Ajoutez votre documentation, un manuel ou quelques questions avec leurs réponses.
step_knowledge_action = Ajouter des connaissances
step_ask = Posez une question
step_ask_text = Voyez dans le bac à sable ce que recevront les membres, et de quels documents cela vient.
step_ask_action = Ouvrir le bac à sable
step_server = Réglez votre serveur Discord
step_server_text = Choisissez quand le bot répond, dans quels salons et sur quel ton.
step_server_action = Régler un serveur
attention_title = À voir
attention_see_usage = Voir l’utilisation
attention_see_knowledge = Voir lesquelles
attention_see_playground = Essayer
usage_this_month = Messages ce mois-ci
usage_of = sur { $limit }
overview_sources = Sources
overview_passages = { $count ->
        [one] avec { $shown } passage
       *[other] avec { $shown } passages
    }
events_title = Dernièrement
events_none = Rien de ce dont vous seriez prévenu n’est arrivé.
events_all = Qui est prévenu, et tout ce qui est arrivé
event_escalation = { $asker } veut parler à une personne
event_escalations = D’autres personnes veulent parler à une personne : { $more }
event_quota = { $percent } % des { $limit } messages du mois sont utilisés
event_open = Ouvrir dans Discord

## Servers

servers_lead = Chaque serveur Discord a ses propres réglages. Tous partagent les connaissances et les messages de ce compte.
servers_none = Aucun serveur n’est encore réglé
servers_none_text = Le bot répond dans chaque serveur où il se trouve dès qu’on le mentionne. Réglez-en un pour changer cela.
servers_by_id = Régler un serveur par son identifiant
servers_id = Identifiant du serveur
servers_id_hint = Dans Discord, activez le mode développeur sous Avancés, puis faites un clic droit sur le serveur et copiez son identifiant.
servers_bad_id = L’identifiant d’un serveur est un nombre de 17 à 20 chiffres.
servers_open = Ouvrir ses réglages
server_name = Serveur { $id }
server_id = Identifiant { $id }
server_left = Le bot est parti
server_gone = Parti
server_gone_text = Le bot n’est plus dans ce serveur. Les réglages sont gardés et s’appliquent de nouveau à son retour.
server_overtaken = Quelqu’un d’autre a enregistré ces réglages pendant que vous les modifiiez. Ce que vous avez saisi est encore là : enregistrez de nouveau pour remplacer les siens.
server_see_theirs = Abandonner les miens et voir les siens
mode_title = Quand il répond
mode_hint = La commande /ask marche toujours, quel que soit votre choix.
mode_mention = Quand on le mentionne
mode_mention_text = Il répond à qui le mentionne, lui ou son rôle, ou lui répond.
mode_all = Tous les messages
mode_all_text = Il lit chaque message et répond aux questions qui s’y trouvent.
mode_command = Par /ask seulement
mode_command_text = Il ne lit aucun message dans les salons.
mode_smart = Mode intelligent
mode_smart_text = Se taire quand on bavarde ou que personne ne lui demande rien. Sinon, chaque message reçoit une réponse.
mode_context = Contexte du salon
mode_context_text = Comprendre un salon comme une seule conversation de tous, et non une par personne.
server_thread = Répondre dans un fil
server_thread_text = Chaque question d’un salon reçoit son propre fil, pour que le salon reste lisible.
server_persona = Qui il est
server_role = Personnage
server_role_hint = Qui il est, et le ton à prendre. Jusqu’à 500 caractères.
server_persona_long = Le personnage dépasse { $limit } caractères.
server_instructions = Consignes
server_instructions_hint = Ce qu’il doit savoir de votre équipe, et ce qu’il doit faire. Jusqu’à 4 000 caractères.
server_language = Langue
server_language_hint = La langue du bot et des réponses du modèle.
server_language_auto = Celle de la question
server_instructions_long = Les consignes dépassent { $limit } caractères.
server_where = Où il répond
channels_allow = Seulement dans ces salons
channels_allow_hint = Vide : partout. Un fil compte comme son salon.
channels_deny = Jamais dans ces salons
channels_deny_hint = Cette liste l’emporte sur l’autre.
server_who = À qui il répond
roles_allow = Seulement les personnes ayant un de ces rôles
roles_allow_hint = Vide : tout le monde.
roles_deny = Personne ayant un de ces rôles
roles_deny_hint = Cette liste l’emporte sur l’autre.
picker_filter = Chercher dans la liste
picker_ids = Par identifiant
picker_ids_hint = Un par ligne.
server_bad_id = « { $word } » n’est pas un identifiant. Ce sont des nombres, ou des mentions comme <#123>.
server_list_long = Une liste compte au plus { $limit } entrées.
server_pace = À quelle cadence
server_cooldown = Secondes entre deux questions d’une personne
server_cooldown_hint = 0 : pas de pause. /ask n’est pas retenu.
server_cooldown_long = Au plus { $limit } secondes, soit un jour.
server_per_hour = Questions par heure dans une conversation
server_per_hour_hint = 0 : sans limite.
server_per_hour_many = Au plus { $limit } ; 0 : sans limite.
server_no_number = Ce doit être un nombre entier, 0 ou plus.

## Knowledge

knowledge_lead = Ce dont viennent les réponses. Tout ce qui est ici peut être dit dans chaque serveur du compte.
knowledge_add = Ajouter des connaissances
knowledge_none = Il ne sait encore rien
knowledge_none_text = Ajoutez un site, des fichiers ou quelques questions avec leurs réponses. Les réponses viennent de là, et de nulle part ailleurs.
knowledge_find = Chercher par titre
knowledge_only = Afficher
only_all = Tout
only_reading = En lecture
only_failed = Non lu
knowledge_filter = Appliquer
knowledge_count = { $count ->
        [one] { $count } source au total
       *[other] { $count } sources au total
    }
knowledge_answering = { $count ->
        [one] { $shown } source répond aux questions
       *[other] { $shown } sources répondent aux questions
    }
knowledge_nothing_fits = Aucune source ne correspond.
knowledge_look_further = Rien parmi les titres parcourus. La page suivante cherche plus loin.
kind_text = Texte
kind_file = Fichier
kind_page = Page
kind_site = Site
state_pending = En attente
state_reading = En lecture
state_ready = Prêt
state_incomplete = Prêt, incomplet
state_failed = Échec
state_removing = En suppression
source_passages = { $count ->
        [one] { $shown } passage
       *[other] { $shown } passages
    }
source_progress = { $done } documents lus sur { $total }

## Adding knowledge

add_kinds = Que voulez-vous ajouter ?
add_files = Fichiers
add_site = Site
add_page = Page
add_text = Texte
add_qa = Question et réponse
add_files_choose = Choisissez des fichiers, ou déposez-les ici
add_files_hint = Markdown, texte, HTML, PDF ou Word (DOCX), plusieurs à la fois, chacun jusqu’à 64 Mo. Le même nom remplace le fichier.
add_send_files = Envoyer
add_choose = Choisir des fichiers
add_sending = est en cours d’envoi…
add_see_knowledge = Voir toutes les connaissances
add_file_taken = est reçu
add_no_file = Choisissez au moins un fichier.
add_site_url = Où commence le site
add_site_hint = Les pages du même hôte sous cette adresse sont lues, par le plan du site ou ses liens, comme robots.txt le permet.
add_page_url = Adresse de la page
add_page_hint = Seule cette page est lue.
add_no_address = Ce n’est pas une adresse web. Elle commence par https:// ou http://.
add_max_pages = Pages au plus
add_max_pages_hint = Jusqu’à { $limit }.
add_max_depth = Liens depuis le début au plus
add_max_depth_hint = 6 atteint presque tout.
add_bad_number = Ce doit être un nombre entier jusqu’à { $limit }.
add_title = Titre
add_title_hint = Le même titre remplace le texte.
add_body = Texte
add_question = Votre question
add_question_hint = Avec les mots des gens. La même question remplace sa réponse.
add_answer = Réponse
add_markdown_hint = Le Markdown est compris.
add_send = Ajouter
unfit_empty = Ni ce champ ni l’autre ne peuvent être vides.
unfit_long_title = Cela dépasse { $limit } caractères. Mettez le reste dessous.
unfit_no_name = Le fichier n’a pas de nom.
unfit_empty_file = est vide.
unfit_large_file = dépasse 64 Mo. Divisez-le, ou ajoutez les pages dont il est fait.
unfit_not_web = Seules les adresses en https:// ou http:// peuvent être lues.
unfit_credentials = L’adresse contient un nom d’utilisateur ou un mot de passe. Les pages protégées ne peuvent pas être lues : envoyez-les comme fichiers.
unfit_pages = Un site peut avoir de 1 à { $limit } pages. Ajoutez les plus grands par parties.

## One source

source_added = ajouté
source_limits = au plus { $pages } pages, sur { $depth } liens de profondeur
source_state = État
source_documents = Documents
source_passages_title = Passages
source_read = Lecture
source_old_answers = L’ancien contenu répond encore.
source_skipped = Ce qui manque
source_holds = Ce qu’elle contient
source_holds_text = Les réponses sont faites de passages : voyez comment cette source a été lue et découpée.
source_show = Voir les passages
source_empty = Rien n’en a encore été lu.
source_manage = Gérer
source_refresh = Relire
source_refresh_text = Relisez-la pour suivre ce qui a changé. Le contenu actuel répond en attendant.
source_reread_text = Relisez-la, par exemple après une mise à jour de Guildhall. Pour la modifier, ajoutez-la de nouveau sous le même nom.
source_remove = Supprimer
source_remove_text = Une source supprimée ne répond plus aux questions.
source_remove_sure = C’est définitif. Pour la retrouver, il faut l’ajouter de nouveau.
source_remove_yes = Oui, la supprimer

## Test retrieval

test_title = Tester la recherche
test_lead = Voyez quels passages une question trouve, le meilleur d’abord. Aucun modèle n’est interrogé, aucun message n’est compté.
test_question = Une question, avec les mots des gens
test_search = Chercher
test_too_long = Une question compte au plus { $limit } caractères.
test_count = { $count ->
        [one] { $count } passage trouvé
       *[other] { $count } passages trouvés
    }
test_took = en { $amount } ms
test_score = À quel point il convient, par rapport au meilleur
test_source = Voir la source
test_nothing = Rien ne convient
test_nothing_text = Aucun passage n’a de rapport avec cette question. On dirait aux membres que les documents n’en parlent pas.
test_add = Ajouter la réponse

## Playground

playground_lead = Demandez comme un membre, et voyez sur quoi repose la réponse. Chaque question compte pour un message.
playground_server = Répondre comme dans
playground_no_server = Aucun serveur
playground_new = Nouvelle conversation
playground_no_model = Aucun modèle de langage n’est configuré : les réponses sont les meilleurs passages, cités.
playground_log = Échanges
playground_empty = Que demanderait un membre ?
playground_example_1 = À quoi peux-tu m’aider ?
playground_example_2 = Comment commencer ?
playground_example_3 = Je veux parler à une personne
playground_question = Votre question
playground_placeholder = Posez une question…
playground_ask = Demander
playground_thinking = Réflexion en cours…
playground_you = Vous
playground_it = Guildhall
playground_sources = Sources
playground_unanswered = Absent des documents
playground_add = Ajouter la réponse
playground_human = Veut une personne
playground_steps = Où est passé le temps

## Usage and plan

usage_lead = Chaque réponse compte pour un message, quel que soit le serveur. Les mois sont ceux du calendrier, en UTC.
usage_month = { $month }
usage_left = encore { $count }
usage_resets = le compte repart le { $date }
plans_title = Offres
plans_hint = La personne qui gère cette installation peut changer l’offre.
plan_starter = Starter
plan_standard = Standard
plan_pro = Pro
plan_yours = La vôtre
plan_messages = { $count } messages par mois
plan_without = Sans :
feature_discord = Discord, autant de serveurs que vous voulez
feature_escalation = L’équipe est prévenue quand quelqu’un veut une personne

## Notifications

mail_lead = Soyez prévenu quand quelqu’un veut parler à une personne, et avant que les messages du mois ne s’épuisent.
mail_title = E-mails
mail_plan = Avec votre offre, vous êtes prévenu pour les messages du mois. À partir de Standard, aussi quand quelqu’un veut une personne.
mail_emails = Adresses e-mail
mail_emails_hint = Une par ligne, 10 au plus. Sans adresse, personne n’est prévenu.
mail_language = Langue des e-mails
mail_many = Il y a au plus { $count } adresses.
mail_bad = « { $address } » n’est pas une adresse e-mail utilisable.

## Custom bot

bot_lead = Apportez votre propre application Discord : les membres voient son nom et son image au lieu de ceux du bot partagé.
bot_yours = Votre bot
bot_application = Identifiant de l’application
bot_application_hint = Sur la page General Information.
bot_connection = Connexion
bot_since = En place
bot_connecting = En cours
bot_connected = Connecté
bot_stopped = Refusé
bot_token_refused = Discord n’accepte pas le jeton du bot. Créez-en un nouveau sur la page Bot et mettez-le ci-dessous.
bot_content_refused = L’option Message Content Intent est désactivée : seuls les messages adressés au bot peuvent être lus. Activez-la sur la page Bot.
bot_intents_refused = Discord n’accepte pas les « intents ». Vérifiez la page Bot du portail des développeurs.
bot_remove = Supprimer
bot_remove_text = Sans lui, c’est le bot partagé qui répond.
bot_remove_sure = Sa connexion se ferme aussitôt et son jeton est effacé.
bot_remove_yes = Oui, le supprimer
bot_bring = Apporter votre propre bot
bot_replace = Le remettre en place
bot_where = Les trois se trouvent dans le portail des développeurs de Discord.
bot_portal = Ouvrir le portail des développeurs
bot_key = Clé publique
bot_key_hint = Sur la page General Information : 64 chiffres et lettres.
bot_token = Jeton
bot_token_hint = Sur la page Bot. Il est conservé scellé et n’est plus jamais montré.
bot_check = Vérifier et enregistrer
bot_no_application = Ce doit être le nombre que montre la page de l’application.
bot_no_key = Une clé publique compte 64 chiffres hexadécimaux.
bot_no_token = Ce n’est pas le jeton d’un bot. Copiez-le depuis la page Bot.
bot_unknown_token = Discord ne connaît pas ce jeton. Créez-en un nouveau sur la page Bot.
bot_refused_token = Discord refuse de dire à qui est ce jeton.
bot_anothers_token = Ce jeton appartient à une autre application.
bot_wrong_key = Ce n’est pas la clé que Discord montre pour l’application.
bot_shared = C’est l’application de Guildhall elle-même. Utilisez la vôtre.
bot_taken = Un autre compte utilise cette application. Retirez-la d’abord là-bas, ou utilisez-en une autre.
bot_unavailable = Discord ne répond pas, le bot n’a donc pas pu être vérifié. Réessayez dans un instant.

## API tokens

tokens_lead = Des programmes utilisent l’API avec un jeton : poser des questions, ajouter des connaissances, changer des réglages.
tokens_yours = Vos jetons
tokens_none = Il n’y en a pas encore.
token_made = Votre nouveau jeton
token_made_text = Copiez-le maintenant : il n’est montré que cette fois et n’est gardé nulle part.
token_since = créé
token_revoke = Révoquer
token_revoke_sure = Les programmes qui l’utilisent cessent aussitôt de marcher.
token_revoke_yes = Oui, le révoquer
token_revoke_named = Oui, révoquer { $name }
token_new = Créer un jeton
token_name = Nom
token_name_hint = À quoi il sert, par exemple « site web ».
token_bad_name = Un nom compte de 1 à { $limit } caractères visibles.
token_may_all = peut tout faire
token_scopes = Ce qu’il peut faire
token_no_scope = Choisissez au moins une case : sans aucune, un jeton ne peut rien.
scope_read_account = Voir le compte et son utilisation
scope_count_usage = Compter les messages d’autres canaux
scope_ask = Poser des questions
scope_read_guilds = Voir les serveurs et leurs réglages
scope_change_settings = Modifier les serveurs
scope_read_knowledge = Voir et fouiller les connaissances
scope_manage_knowledge = Ajouter et supprimer des connaissances
scope_read_conversations = Voir ce que les gens ont demandé
scope_read_bot = Voir le bot personnalisé
scope_manage_bot = Installer le bot personnalisé
scope_read_events = Voir ce qui est arrivé
scope_manage_notifications = Dire qui est prévenu
scope_manage_tokens = Gérer les jetons
scope_read_members = Voir les membres
scope_invite = Inviter des personnes
scope_manage_members = Modifier et retirer des membres
scope_read_audit = Voir qui a modifié quoi
token_create = Créer le jeton

## Signing in

sign_in = Se connecter
sign_in_title = Connexion à Guildhall

## Open questions

questions_title = Questions ouvertes
questions_lead = Ce que les gens ont demandé et que les documents ne disent pas, ou disent mal. Écrivez la réponse une fois pour toutes.
questions_unanswered = Sans réponse
questions_downvoted = Mal notées
questions_none = Rien n’est ouvert
questions_none_text = Les questions auxquelles les documents ne répondent pas arrivent ici d’elles-mêmes et sont gardées 90 jours.
questions_votes = { $count ->
        [one] { $count } vote contre
       *[other] { $count } votes contre
    }
questions_close = Réglé
told_question_closed = Retirée de la liste.

## Health of a server

health_title = Santé
health_problem = Ne marche pas
health_warning = À voir
health_unknown = Inconnu
health_ok = Tout va bien
health_summary_problem = Quelque chose ne marche pas. Ce qui suit dit comment y remédier.
health_summary_warning = Cela marche, mais quelque chose mérite un coup d’œil.
health_summary_unknown = On ne peut pas tout savoir en ce moment.
health_summary_ok = Tout va bien.
health_of_server = Dans ce serveur
health_of_account = Pour tous les serveurs
health_since = vu la première fois
health_again = Vérifier de nouveau
check_discord = Réponse de Discord
check_membership = Présence
check_gateway = Connexion
check_content = Contenu des messages
check_permissions = Permissions du bot
check_answers = Réponses
check_settings = Réglages
check_commands = Commandes
check_interactions = Usage des commandes
check_quota = Messages du mois
check_model = Modèle de langage
check_embeddings = Plongements lexicaux
check_sources = Connaissances
check_mail = E-mails à l’équipe
check_key = Jetons des bots
server_settings = Réglages
servers_add = Ajouter à Discord
attention_see_health = Comment y remédier

## Messages by day

chart_title = Messages par jour
chart_label = Messages de ce mois par jour et par genre
chart_table = En tableau
chart_day = Jour
chart_total = Somme
kind_mention = Mentions du bot
kind_all = Tous les messages
kind_command = Commandes
kind_api = API et bac à sable
kind_other = Autres canaux
feature_live = Conversations en direct dans le tableau de bord
feature_takeover = Une personne reprend une conversation

## Steps of an answer

step_conversation = Échanges précédents
step_retrieval = Recherche
step_quota = Décompte
step_prompt = Consigne
step_model = Modèle de langage
step_reply = Lecture de la réponse
step_memory = Mémorisation
milliseconds = { $amount } ms

## Team

nav_team = Équipe
sign_out = Se déconnecter
team_lead = Qui peut voir et modifier ce compte.
team_made = Le lien de l’invitation
team_made_text = Envoyez-le à une seule personne : il n’est montré que cette fois, sert une fois et expire après 7 jours.
team_members = Membres
team_nobody = Personne ne s’est encore connecté. Sur cette machine, l’admin local est propriétaire.
team_you = Vous
team_since = depuis :
team_role_of = Rôle de { $name }
team_change = Changer
team_remove = Retirer
team_remove_sure = Cette personne ne verra plus rien de ce compte, et les jetons d’API qu’elle a créés sont révoqués.
team_remove_yes = Oui, la retirer
team_invite = Inviter quelqu’un
team_invite_text = Qui suit le lien et se connecte avec Discord devient membre.
team_invite_send = Créer une invitation
team_open = Invitations que personne n’a utilisées
team_ends = expire le { $date }
team_uninvite = Reprendre
team_last_owner = C’est l’unique propriétaire du compte. Nommez d’abord quelqu’un d’autre.
team_many_invitations = Trop d’invitations n’ont pas été utilisées. Reprenez-en d’abord.
role_owner = Propriétaire
role_owner_text = Peut tout faire.
role_admin = Administrateur
role_admin_text = Modifie tout, sauf les rôles et les membres.
role_agent = Équipier
role_agent_text = Voit les serveurs, les connaissances et les conversations ; ne modifie aucun réglage.
told_invitation_revoked = Reprise. Le lien ne vaut plus rien.
told_role_changed = Changé. C’est valable dès maintenant.
told_member_removed = Retiré. Cette personne ne voit plus rien de ce compte.
audit_title = Qui a modifié quoi
audit_none = Rien n’a encore été modifié.
audit_token = Jeton « { $name } »
audit_settings_changed = a modifié les réglages d’un serveur
audit_source_added = a ajouté des connaissances
audit_source_refreshed = a fait relire une source
audit_source_removed = a supprimé une source
audit_notifications_changed = a modifié qui est prévenu
audit_bot_set = a installé le bot personnalisé
audit_bot_removed = a supprimé le bot personnalisé
audit_token_created = a créé un jeton
audit_token_revoked = a révoqué un jeton
audit_invitation_created = a invité quelqu’un
audit_invitation_revoked = a repris une invitation
audit_member_joined = a rejoint le compte
audit_member_role_changed = a changé un rôle
audit_member_removed = a retiré un membre
audit_guild_connected = a relié un serveur
audit_guild_disconnected = a délié un serveur
audit_account_created = a créé le compte
join_title = Vous êtes invité
join_text = Vous êtes invité dans { $account }. Votre rôle sera : { $role }.
join_as = Rejoindre en tant que { $name }
audit_member_left = a quitté le compte
audit_plan_changed = a changé d’offre
account_title = Vos comptes
account_lead = Les comptes auxquels vous appartenez. Vous en regardez un à la fois.
account_list = Comptes
account_none = Vous n’appartenez plus à aucun compte. Demandez une invitation, ou déconnectez-vous puis reconnectez-vous.
account_current = Vous regardez celui-ci
account_choose = Le regarder
account_choose_named = Regarder { $account }
account_leave = Quitter
account_leave_named = Oui, quitter { $account }
account_leave_sure = Vous ne verrez plus rien de ce compte, et les jetons d’API que vous y avez créés sont révoqués. Pour revenir, il vous faudra une invitation.
account_leave_yes = Oui, le quitter
account_sessions = Où vous êtes connecté
account_sessions_text = Si vous avez perdu un appareil, ou utilisé celui de quelqu’un d’autre : ceci vous déconnecte dans tous les navigateurs, celui-ci compris.
sign_out_everywhere = Se déconnecter partout
told_account_left = Vous avez quitté le compte.
server_disconnect = Déconnecter ce serveur
server_disconnect_text = Guildhall n’y répond plus, et un autre compte peut connecter le serveur. Ses réglages sont gardés 30 jours, au cas où vous le connectez de nouveau.
server_disconnect_leave = Le bot quitte le serveur
server_disconnect_sure = Les membres du serveur n’auront plus de réponses.
server_disconnect_yes = Oui, le déconnecter
told_server_disconnected = Déconnecté. Le serveur n’est plus à vous ici.
