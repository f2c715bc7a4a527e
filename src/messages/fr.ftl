### Ce que dit Guildhall lui-même, en français.
###
### En français, `one` vaut pour 0 et pour 1 : la forme au singulier montre donc le nombre, ou ne parle pas d’un nombre nul.

## Instead of an answer

not_connected = Ce serveur n’est pas encore relié à un compte ; je ne connais donc aucun document. Un admin peut le relier.
not_found = Je n’ai pas trouvé cela dans les documents.
model_failed = Désolé, je n’ai pas pu rédiger de réponse pour le moment. Reposez la question dans une minute.
nothing_asked = Je n’y trouve pas de question. Posez-la avec des mots.
nothing_to_read = Je n’y vois pas de question. Mentionnez-moi dans le même message que votre question.
question_too_long = Cette question dépasse { $limit } caractères. Posez-la plus brièvement.
quota_used_up = Ce serveur a utilisé ses { $limit } messages du mois. Il reprend le mois prochain ; un admin peut changer d’offre.
cooldown = { $seconds ->
        [1] Une question par seconde
       *[other] Une question toutes les { $seconds } secondes
    }, s’il vous plaît. Je n’ai pas lu celle-ci : reposez-la dans un instant.
too_many = Je réponds ici à { $per_hour ->
        [one] { $per_hour } question
       *[other] { $per_hour } questions
    } par heure au plus. Reposez votre question plus tard.
question_not_taken = Je n’ai pas pu prendre votre question. Réessayez dans une minute.

## Around an answer

thread_name = Réponse
no_model = Aucun modèle de langage n’est configuré ; voici les passages qui correspondent le mieux :
sources = Sources :
cut = La réponse était trop longue et s’arrête ici.

## Votes

vote_noted = Merci, votre avis est noté.
vote_lost = Je n’ai pas pu noter votre avis. Réessayez dans une minute.

## Commands, as Discord lists them

ask_description = Poser une question sur cette équipe et ses produits
question_description = Que voulez-vous savoir ?
private_name = privé
about_name = Poser une question
private_description = Vous seul voyez la réponse
unknown_command = Je ne connais plus ce bouton ou cette commande.

## The form that asks about a message

no_text = Ce message ne contient pas de texte que je puisse lire.
about_title = Question sur ce message
about_question = Votre question
about_question_hint = Laissez vide pour que je réponde au message lui-même. Vous seul voyez la réponse.
about_placeholder = Que voulez-vous savoir au sujet de ce message ?
about_message = Le message

## E-mails to a team

mail_wanted_subject = Quelqu’un sur Discord souhaite parler à une personne
mail_wanted = Quelqu’un souhaite parler à une personne.
mail_who = Qui : « { $name } »
mail_where = Où : { $place }
mail_private_place = une conversation privée avec le bot
mail_when = Quand : { $at } UTC
mail_words = Son message (ses mots, pas ceux de Guildhall) :
mail_again = Pour cette conversation, le prochain avis viendra dans une heure au plus tôt.
mail_many_subject = De nombreuses personnes sur Discord souhaitent parler à une personne
mail_many = { $more ->
        [1] Encore une personne a
        [one] Encore { $more } personne a
       *[other] Encore { $more } personnes ont
    } souhaité parler à une personne entre { $from } et { $until } UTC.
mail_many_where = Au-delà d’un certain nombre, elles ne sont plus annoncées une à une. GET /api/v1/events les donne toutes.
mail_used_subject = Guildhall : la plupart des messages du mois sont utilisés
mail_used = { $percent } % des { $limit } messages de { $month } sont utilisés. Quand tous le seront, une note le dira à qui pose une question, jusqu’au mois suivant (UTC). Une offre plus grande prend effet aussitôt.
mail_used_up_subject = Guildhall : tous les messages du mois sont utilisés
mail_used_up = Les { $limit } messages de { $month } sont tous utilisés. Une note le dit à qui pose une question, jusqu’au mois suivant (UTC). Une offre plus grande prend effet aussitôt.
mail_foot = Guildhall, pour le compte « { $account } ». Événement { $event }.
