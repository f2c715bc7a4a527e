### Why a source could not be read, or not all of it.

## A page.

not_web = Only addresses that start with http:// or https:// can be read
credentials = The address contains a user name or password. Only pages that everybody can open can be read
not_public = The address leads into a private network, which Guildhall does not read from
unknown_name = There is no server of that name. Check the address for a typing error
unreachable = The server could not be reached. Check the address, or try again later
bad_certificate = The server's certificate is not one that browsers trust, so somebody else may be answering in its place. Check the address, or ask its owner to renew the certificate
bad_tls = No encrypted connection to the server came about. Check the address, and whether it speaks https
too_slow = The server did not answer in time. Try again later
broken = The server broke off in the middle of the page, or sent something that is no HTTP. Try again later
large_page = The page is larger than { $megabytes } MB
circle = The page redirects in a circle
too_many_redirects = The page redirects more than { $count } times
nowhere_redirect = The page redirects without saying where to
sign_in = The page answered { $status }: it can only be read after signing in
forbidden = The page answered { $status }: its server does not let Guildhall read it
no_page = The page answered { $status }: there is nothing at this address
too_often = The page answered { $status }: its server wants to be asked less often. Try again later
server_failed = The page answered { $status }: its server has a problem. Try again later
answered = The page answered { $status } instead of its text
empty_page = The page contains no text. Pages that are put together by a script in the browser cannot be read
nested = The page is built in a way that no browser would show: it is nested or repeats too much

## A site.

no_robots = The site's robots.txt could not be read, so Guildhall does not know whether it may read the site. { $because }
robots_forbid = The site's robots.txt asks programs not to read this address
no_index = The pages of this site ask programs not to index them
redirects_out = The page redirects out of this part of the site
redirects_to_forbidden = The page redirects to one that robots.txt asks not to read
site_stopped = The site stopped answering. { $because }
slow_site = The site is so slow that { $left } pages or more were left out
large_site = The site has more than { $pages } pages; the others were left out

## A file, or what a page turned out to be.

not_readable = This is no text. HTML, Markdown, plain text, PDF and Word (.docx) can be read
empty_file = The file contains no text
damaged_file = The file is damaged, or of a kind that Guildhall cannot read. Open it and save it anew
gave_up = The file could not be read: it is damaged, or made so that reading it takes more memory than Guildhall spends on one file. Open it and save or print it anew, or split it
slow_file = The file takes too long to read. Split it into smaller ones
busy = Guildhall is too busy to read the file. Try again later
locked_file = The file is protected by a password. Save it without one and add it again
no_pdf = This is not a PDF file, although it is called one
damaged_pdf = The PDF is damaged. Open it in a PDF viewer and save or print it anew
circular_pdf = The PDF is damaged: parts of its pages contain themselves
locked_pdf = The PDF is protected by a password. Save it without one and add it again
large_pdf = The PDF unpacks to more than a PDF of text does. Export it anew, without large pictures
scanned_pdf = The PDF contains pictures of pages and no text. Run it through text recognition (OCR) and add it again
no_word = This is not a Word file, although it is called one
old_word = This is a Word file of the old kind (.doc) or one that is protected by a password. Save it as .docx without a password and add it again
other_office = This is an archive or an Office file of another kind. Of the Office formats, Word (.docx) can be read
not_docx = This is not a Word file (.docx)
damaged_word = The file is damaged. Open it in Word and save it anew
many_parts = The file consists of more than { $count } parts
large_file = The file unpacks to more than { $megabytes } MB

## Before and afterwards.

not_taken = Guildhall had too much to do to take this in. Add or refresh it again later.
no_passages = It contains no text that could answer a question.
not_embedded = The embedding server did not answer, so it is found by its words alone. Index it again once the server is there
not_read = Guildhall tried to read it several times and had a problem of its own each time; its log says which. Index it again once that is solved.
not_indexed = It was read, but Guildhall had a problem with its search index several times; its log says which. Index it again once that is solved.
gone = Its extracted text is gone. Index it again.
