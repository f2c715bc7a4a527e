### Ce que trouvent les contrôles, et comment y remédier, en français. Les contrôles sont dans `servers/findings.rs`.

## Discord

found_discord_answers = Discord répond et connaît le bot.
found_discord_silent = Discord ne répond pas pour le moment. Ce qui est affiché est ce qu’il a dit en dernier.
found_token_refused = Discord n’accepte pas le jeton du bot.
found_no_bot = Aucun bot Discord n’est configuré.
mend_by_waiting = Cela se règle dès que Discord répond à nouveau. Les pannes sont annoncées sur discordstatus.com.
mend_token = Créez un nouveau jeton sur la page « Bot » du portail des développeurs de Discord et saisissez-le ici ; pour le bot partagé, l’exploitant règle DISCORD_TOKEN.
mend_no_bot = Ajoutez votre propre bot sur la page « Bot », ou demandez à l’exploitant de régler DISCORD_TOKEN.

## In the server

found_member = Le bot est dans le serveur.
found_no_member = Le bot n’est pas dans le serveur : il en a été retiré, ou n’y a jamais été ajouté.
found_member_unknown = Discord ne dit pas pour le moment si le bot est dans le serveur.
mend_no_member = Ajoutez de nouveau le bot au serveur. Ses réglages sont conservés ici.

## Hearing messages

found_gateway_connected = La connexion qui entend les messages de ce serveur est établie.
found_gateway_not_needed = Ici, seules les commandes reçoivent une réponse, et Discord les livre lui-même : il ne faut pas d’autre connexion.
found_gateway_connecting = La connexion qui entend les messages de ce serveur est en cours d’établissement.
found_gateway_lost = Rien n’écoute les messages de ce serveur pour le moment.
found_shards_refused = Discord n’accepte pas le nombre de connexions avec lequel le bot écoute.
found_version_refused = Discord a abandonné le protocole que parle cette version.
mend_gateway_connecting = Attendez une minute. Si rien ne change, demandez à l’exploitant de regarder le journal du gateway worker.
mend_gateway_lost = L’exploitant doit veiller à ce qu’un gateway worker tourne et que DISCORD_GATEWAY ne soit pas désactivé.
mend_shards = L’exploitant laisse DISCORD_SHARDS sans valeur, ou choisit un nombre plus grand.
mend_version = L’exploitant doit mettre Guildhall à jour.
found_content_read = Le bot peut lire tous les messages, comme son mode le demande.
found_content_not_needed = Les messages adressés au bot se lisent sans autorisation particulière.
found_content_refused = L’intent « Message Content » est désactivé : seuls les messages adressés au bot peuvent être lus.
found_content_unknown = Discord ne dit pas pour le moment si le bot peut lire tous les messages.
mend_content = Activez « Message Content Intent » sur la page « Bot » du portail des développeurs de Discord. Ou choisissez le mode qui ne répond que lorsque le bot est mentionné.

## Answering

found_permissions_fine = Le bot a toutes les permissions nécessaires dans { $channels ->
        [1] le salon où il répond
       *[other] les { $channels } salons où il répond
    }.
found_permissions_not_needed = Ici, seules les commandes reçoivent une réponse, ce qui ne demande aucune permission dans les salons.
found_permissions_missing = Il manque des permissions au bot dans { $count ->
        [1] un salon
       *[other] { $count } salons
    } : { $channels }.
found_permissions_nowhere = Il n’y a aucun salon où le bot puisse voir les messages et y répondre.
found_permissions_unknown = On ne sait pas en ce moment ce que le bot peut faire dans les salons.
found_answers_taken = Discord a accepté toutes les réponses ces derniers temps.
found_answers_refused = Discord a refusé des réponses dans { $count ->
        [1] un salon
       *[other] { $count } salons
    } : { $channels }.
found_threads_refused = Aucun fil n’a pu être créé pour les réponses dans { $count ->
        [1] un salon
       *[other] { $count } salons
    } ; elles ont été publiées comme simples réponses : { $channels }.
found_thread = un fil
found_more = { $names } et { $more } de plus
mend_permissions = Dans Discord, ouvrez les paramètres du salon, puis « Permissions », et accordez au rôle du bot ce qui manque. Ou retirez le salon de la liste ici.
mend_permissions_nowhere = Dans Discord, permettez au rôle du bot de voir au moins un salon et d’y envoyer des messages, et vérifiez que les listes de salons l’y laissent entrer.
mend_threads = Accordez « Créer des fils publics » au rôle du bot dans ces salons, ou désactivez les réponses dans des fils.

permission_view_channel = Voir le salon
permission_send_messages = Envoyer des messages
permission_send_in_threads = Envoyer des messages dans les fils
permission_create_threads = Créer des fils publics
permission_read_history = Voir les anciens messages

## Settings

found_settings_fine = Tout ce que nomment les réglages existe.
found_settings_stale = Les listes nomment ce qui n’est plus dans le serveur : { $channels } parmi les salons, { $roles } parmi les rôles.
found_settings_unknown = On ne sait pas en ce moment si tout ce que nomment les réglages existe.
mend_settings = Retirez-les des listes. Une liste dont il ne reste rien ne laisse entrer personne.

## Commands

found_commands = Discord connaît les commandes.
found_no_commands = Discord ne connaît pas encore les commandes actuelles.
found_by_endpoint = Discord livre les commandes à { $host }.
found_by_gateway = Les commandes arrivent par la même connexion que les messages.
found_interactions_lost = Les commandes n’arrivent pas : il n’y a pas d’Interactions Endpoint URL, et rien n’écoute.
found_interactions_unknown = Discord ne dit pas pour le moment où il livre les commandes.
mend_commands = Elles sont enregistrées en moins de cinq minutes. Si rien ne change, demandez à l’exploitant de regarder le journal.
mend_interactions = Indiquez l’adresse publique de Guildhall suivie de /discord/webhook/ comme Interactions Endpoint URL dans le portail des développeurs de Discord, ou faites tourner un gateway worker.

## Everything that servers share

found_quota_left = { $used } des { $limit } messages de ce mois sont utilisés.
found_quota_near = { $used } des { $limit } messages de ce mois sont utilisés : bientôt, il n’y aura plus de réponses.
found_quota_used_up = Les { $limit } messages de ce mois sont tous utilisés : plus rien ne reçoit de réponse avant le mois prochain.
found_model = Le modèle de langage répond.
found_no_model = Aucun modèle de langage n’est configuré : les réponses sont des passages cités.
found_model_fails = Le modèle de langage a échoué dans le dernier quart d’heure.
found_embeddings = Les embeddings répondent.
found_no_embeddings = Les documents sont cherchés par leurs mots ; les embeddings ne sont pas configurés.
found_embeddings_fail = Les embeddings ont échoué dans le dernier quart d’heure : les documents ne sont cherchés que par leurs mots.
found_sources = { $count ->
        [1] Une source permet
       *[other] { $count } sources permettent
    } de répondre.
found_no_sources = Il n’y a encore rien d’où répondre.
found_sources_failed = { $count ->
        [1] Une source n’a pas pu être lue
       *[other] { $count } sources n’ont pas pu être lues
    } : { $titles }.
found_mail = Aucun e-mail à l’équipe n’a été refusé depuis un jour.
found_mail_refused = Un e-mail à l’équipe a été refusé depuis un jour et n’arrivera pas.
found_key = Aucun jeton de bot n’a été refusé par ce qui le scelle depuis un jour.
found_key_refused = Le jeton de votre propre bot n’a pas pu être scellé ou ouvert depuis un jour : il se peut que le bot se taise.
found_title = « { $title } »
mend_quota = Passez à une offre avec plus de messages.
mend_no_model = L’exploitant règle LLM_BASE_URL et LLM_MODEL.
mend_model = Reposez la question dans une minute. Si rien ne change, l’exploitant regarde le journal, ainsi que le serveur, la clé et le crédit du modèle.
mend_embeddings = L’exploitant regarde le journal, ainsi que le serveur et la clé des embeddings.
mend_no_sources = Ajoutez un texte, un fichier, une page ou un site sur la page « Connaissances ».
mend_sources = Ouvrez les sources sur la page « Connaissances » : chacune dit pourquoi. Corrigez-les, ou faites-les relire.
mend_mail = Vérifiez chaque adresse sur la page « Notifications ». Si elles sont justes, l’exploitant fait vérifier MAIL_FROM par SES et demande à AWS de pouvoir écrire à tout le monde, ou regarde ce qu’en dit le serveur de messagerie ; le journal donne la raison.
mend_key = L’exploitant vérifie que la clé de KMS_KEY_ID est active et que les rôles de Guildhall peuvent s’en servir, ou que la clé de scellement de cette installation est bien celle d’avant ; le journal donne la raison.
