CREATE TABLE schema_version (
	version INTEGER NOT NULL
);

CREATE TABLE urls (
	id BIGSERIAL NOT NULL,
	key BYTEA NOT NULL,
	outlet TEXT NOT NULL,
	url TEXT NOT NULL,
	link TEXT NOT NULL,
	via TEXT NOT NULL,
	staleness BIGINT NOT NULL,
	lister BYTEA NOT NULL,
	listed BYTEA NOT NULL,
	found BIGINT NOT NULL,
	status TEXT NOT NULL,
	next_due BIGINT,
	tries INTEGER NOT NULL,
	taken TEXT,
	deaths INTEGER DEFAULT '0' NOT NULL,
	looked BIGINT,
	reason TEXT,
	run TEXT,
	etag TEXT,
	last_modified TEXT,
	payload_digest TEXT,
	text_digest TEXT,
	fields TEXT,
	warc TEXT,
	archived BIGINT,
	article TEXT,
	article_run TEXT,
	written BIGINT,
	version INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (key)
);

CREATE INDEX urls_written ON urls (outlet, written) WHERE written IS NOT NULL;

CREATE INDEX urls_taken ON urls (outlet) WHERE taken IS NOT NULL;

CREATE INDEX urls_waiting ON urls (outlet, via, staleness, id, next_due, status) WHERE next_due IS NOT NULL;

CREATE INDEX urls_looked ON urls (outlet, looked) WHERE looked IS NOT NULL;

CREATE INDEX urls_article ON urls (article) WHERE article IS NOT NULL;

CREATE TABLE feeds (
	outlet TEXT NOT NULL,
	url TEXT NOT NULL,
	kind TEXT,
	etag TEXT,
	last_modified TEXT,
	payload_digest TEXT,
	more TEXT,
	warc TEXT,
	outlet_hash TEXT,
	interval BIGINT NOT NULL,
	next_due BIGINT NOT NULL,
	looked BIGINT NOT NULL,
	changed BIGINT,
	failures INTEGER NOT NULL,
	failing BIGINT,
	outcome TEXT NOT NULL,
	least BIGINT,
	retired BIGINT,
	PRIMARY KEY (outlet, url)
);

CREATE TABLE runs (
	id TEXT NOT NULL,
	outlet TEXT NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	started BIGINT NOT NULL,
	finished BIGINT,
	reason TEXT,
	pages INTEGER,
	articles INTEGER,
	error TEXT,
	figures TEXT,
	alarms TEXT,
	PRIMARY KEY (id)
);

CREATE INDEX runs_outlet ON runs (outlet, started);

CREATE TABLE outlets (
	outlet TEXT NOT NULL,
	failures INTEGER NOT NULL,
	not_before BIGINT,
	reason TEXT,
	PRIMARY KEY (outlet)
);

CREATE TABLE hosts (
	origin TEXT NOT NULL,
	robots BYTEA,
	robots_status INTEGER,
	robots_looked BIGINT,
	crawl_delay FLOAT,
	paused BIGINT,
	signals TEXT,
	signals_looked BIGINT,
	PRIMARY KEY (origin)
);

CREATE TABLE leases (
	outlet TEXT NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	taken BIGINT NOT NULL,
	until BIGINT NOT NULL,
	PRIMARY KEY (outlet)
);

CREATE TABLE copies (
	id BIGSERIAL NOT NULL,
	key BYTEA NOT NULL,
	article TEXT NOT NULL,
	latest TEXT NOT NULL,
	outlet TEXT NOT NULL,
	url TEXT NOT NULL,
	title TEXT,
	lang TEXT,
	published BIGINT NOT NULL,
	seen BIGINT NOT NULL,
	agency TEXT,
	own TEXT,
	original_url TEXT,
	cluster TEXT,
	duplicate_of TEXT,
	words BYTEA,
	names BYTEA,
	PRIMARY KEY (id),
	UNIQUE (key)
);

CREATE INDEX copies_latest ON copies (latest);

CREATE INDEX copies_seen ON copies (seen) WHERE words IS NOT NULL;

CREATE INDEX copies_url ON copies (url);

CREATE INDEX copies_cluster ON copies (cluster) WHERE cluster IS NOT NULL;

CREATE INDEX copies_article ON copies (article);

CREATE TABLE prints (
	print BIGINT NOT NULL,
	copy BIGINT NOT NULL,
	PRIMARY KEY (print, copy)
);

CREATE TABLE same_story (
	one BIGINT NOT NULL,
	other BIGINT NOT NULL,
	score FLOAT NOT NULL,
	PRIMARY KEY (one, other)
);

CREATE INDEX same_story_other ON same_story (other);

INSERT INTO schema_version (version) VALUES (2);
