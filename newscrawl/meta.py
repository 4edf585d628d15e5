"""Keys of request.meta that spiders and the capture handler share."""

LINK = "newscrawl_link"
"The Link a request is for; set by spiders."
POINTER = "newscrawl_warc"
"WarcPointer of the exchange that answered; set by the capture handler."
FETCHED = "newscrawl_fetched"
"When that exchange began, aware; set by the capture handler."
