### Pourquoi une source n’a pas pu être lue, ou pas entièrement. Chaque texte tient sur une ligne.

## Une page.

not_web = Seules les adresses en http:// ou https:// peuvent être lues
credentials = L’adresse contient un nom d’utilisateur ou un mot de passe. Seules les pages ouvertes à tous peuvent être lues
not_public = L’adresse mène à un réseau privé, que Guildhall ne lit pas
unknown_name = Aucun serveur ne porte ce nom. Cherchez une faute de frappe dans l’adresse
unreachable = Le serveur est injoignable. Vérifiez l’adresse, ou réessayez plus tard
bad_certificate = Le certificat du serveur n’est pas reconnu par les navigateurs : quelqu’un d’autre répond peut-être à sa place. Vérifiez l’adresse, ou demandez à son propriétaire de renouveler le certificat
bad_tls = Aucune connexion chiffrée avec le serveur n’a pu être établie. Vérifiez l’adresse, et que le serveur parle https
too_slow = Le serveur n’a pas répondu à temps. Réessayez plus tard
broken = Le serveur s’est interrompu au milieu de la page, ou a envoyé autre chose que du HTTP. Réessayez plus tard
large_page = La page dépasse { $megabytes } Mo
circle = La page redirige en rond
too_many_redirects = La page redirige plus de { $count } fois
nowhere_redirect = La page redirige sans dire vers où
sign_in = La page a répondu { $status } : elle ne peut être lue qu’après connexion
forbidden = La page a répondu { $status } : son serveur ne laisse pas Guildhall la lire
no_page = La page a répondu { $status } : il n’y a rien à cette adresse
too_often = La page a répondu { $status } : son serveur veut être interrogé moins souvent. Réessayez plus tard
server_failed = La page a répondu { $status } : son serveur a un problème. Réessayez plus tard
answered = La page a répondu { $status } au lieu de son texte
empty_page = La page ne contient pas de texte. Les pages assemblées par un script dans le navigateur ne peuvent pas être lues
nested = La page est construite comme aucun navigateur ne la montrerait : elle est trop imbriquée ou trop répétitive

## Un site.

no_robots = Le robots.txt du site n’a pas pu être lu : Guildhall ne sait donc pas s’il a le droit de lire le site. { $because }
robots_forbid = Le robots.txt du site demande aux programmes de ne pas lire cette adresse
no_index = Les pages de ce site demandent aux programmes de ne pas les indexer
redirects_out = La page redirige hors de cette partie du site
redirects_to_forbidden = La page redirige vers une autre que robots.txt demande de ne pas lire
site_stopped = Le site a cessé de répondre. { $because }
slow_site = Le site est si lent { $left ->
    [one] qu’au moins une page a été laissée de côté
   *[other] qu’au moins { $left } pages ont été laissées de côté
 }
large_site = Le site a plus { $pages ->
    [one] d’une page : le reste a été laissé de côté
   *[other] de { $pages } pages : le reste a été laissé de côté
 }

## Un fichier, ou ce qu’une page s’est révélée être.

not_readable = Ce n’est pas du texte. HTML, Markdown, texte brut, PDF et Word (.docx) peuvent être lus
empty_file = Le fichier ne contient pas de texte
damaged_file = Le fichier est endommagé, ou d’un genre que Guildhall ne sait pas lire. Ouvrez-le et enregistrez-le de nouveau
gave_up = Le fichier n’a pas pu être lu : il est endommagé, ou fait de telle sorte que sa lecture demande plus de mémoire que Guildhall n’en accorde à un fichier. Ouvrez-le et enregistrez-le ou imprimez-le de nouveau, ou divisez-le
slow_file = Le fichier est trop long à lire. Divisez-le en plus petits
busy = Guildhall est trop occupé pour lire le fichier. Réessayez plus tard
locked_file = Le fichier est protégé par un mot de passe. Enregistrez-le sans mot de passe et ajoutez-le de nouveau
no_pdf = Ce n’est pas un fichier PDF, bien qu’il en porte le nom
damaged_pdf = Le PDF est endommagé. Ouvrez-le dans un lecteur de PDF et enregistrez-le ou imprimez-le de nouveau
circular_pdf = Le PDF est endommagé : des parties de ses pages se contiennent elles-mêmes
locked_pdf = Le PDF est protégé par un mot de passe. Enregistrez-le sans mot de passe et ajoutez-le de nouveau
large_pdf = Une fois déballé, le PDF est plus grand qu’un PDF de texte. Exportez-le de nouveau, sans grandes images
scanned_pdf = Le PDF contient des images de pages et pas de texte. Passez-le par une reconnaissance de texte (OCR) et ajoutez-le de nouveau
no_word = Ce n’est pas un fichier Word, bien qu’il en porte le nom
old_word = C’est un fichier Word de l’ancien genre (.doc), ou protégé par un mot de passe. Enregistrez-le en .docx sans mot de passe et ajoutez-le de nouveau
other_office = C’est une archive ou un fichier Office d’un autre genre. Parmi les formats d’Office, Word (.docx) peut être lu
not_docx = Ce n’est pas un fichier Word (.docx)
damaged_word = Le fichier est endommagé. Ouvrez-le dans Word et enregistrez-le de nouveau
many_parts = Le fichier se compose de plus de { $count } parties
large_file = Une fois déballé, le fichier dépasse { $megabytes } Mo

## Avant et après la lecture.

not_taken = Guildhall avait trop à faire pour prendre ceci. Ajoutez-la ou relisez-la plus tard.
no_passages = Elle ne contient aucun texte qui puisse répondre à une question.
not_embedded = Le serveur d’embeddings n’a pas répondu : elle n’est donc trouvée que par ses mots. Relisez-la une fois le serveur de retour
not_read = Guildhall a essayé plusieurs fois de la lire et a eu chaque fois un problème de son côté ; son journal dit lequel. Relisez-la une fois le problème résolu.
not_indexed = Elle a été lue, mais Guildhall a eu plusieurs fois un problème avec son index de recherche ; son journal dit lequel. Relisez-la une fois le problème résolu.
gone = Le texte qui en avait été tiré a disparu. Relisez-la.
