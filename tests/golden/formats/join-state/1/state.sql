BEGIN TRANSACTION;
CREATE TABLE applied (
  center INTEGER NOT NULL, topic TEXT NOT NULL, offset INTEGER NOT NULL, reached INTEGER,
  covered INTEGER, PRIMARY KEY (center, topic)
) WITHOUT ROWID;
INSERT INTO "applied" VALUES(1,'chartfeed.chart-entries',2,2,2);
INSERT INTO "applied" VALUES(1,'chartfeed.checkpoints',2,NULL,NULL);
INSERT INTO "applied" VALUES(1,'chartfeed.insurers',0,0,0);
INSERT INTO "applied" VALUES(1,'chartfeed.patient-insurances',0,0,0);
INSERT INTO "applied" VALUES(1,'chartfeed.services',0,0,0);
CREATE TABLE center (
  num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, whole INTEGER NOT NULL,
  revision INTEGER NOT NULL, checkpoint INTEGER, version INTEGER, captured_at INTEGER,
  partial INTEGER, snapshot INTEGER, dead_letters INTEGER
);
INSERT INTO "center" VALUES(1,'center_01','Praxis Eins',1,2,2,2,1642507202000000,0,0,0);
CREATE TABLE due (
  seq INTEGER PRIMARY KEY, center INTEGER NOT NULL, checkpoint INTEGER NOT NULL,
  version INTEGER NOT NULL, captured_at INTEGER NOT NULL, partial INTEGER NOT NULL,
  dead_letters INTEGER NOT NULL, behind TEXT, applied_at INTEGER NOT NULL
);
INSERT INTO "due" VALUES(4,1,2,2,1642507202000000,0,0,NULL,1642507200000000);
CREATE TABLE entry (
  num INTEGER PRIMARY KEY, center INTEGER NOT NULL, key NOT NULL, id NOT NULL, patient NOT NULL,
  day INTEGER NOT NULL, digest BLOB, text TEXT NOT NULL
);
INSERT INTO "entry" VALUES(1,1,1,1,1,738173,X'04D392B285F12273A5FB874D','Füllung 16');
INSERT INTO "entry" VALUES(2,1,2,2,1,738173,X'5A9AE095FEFD29A6E4585BC8','noch nicht gesendet');
CREATE TABLE insurer (
  center INTEGER NOT NULL, key NOT NULL, id NOT NULL, name TEXT, kind TEXT,
  PRIMARY KEY (center, key)
) WITHOUT ROWID;
INSERT INTO "insurer" VALUES(1,7,7,'AOK Bayern','1');
CREATE TABLE link (
  center INTEGER NOT NULL, patient NOT NULL, id NOT NULL, key NOT NULL, insurer,
  PRIMARY KEY (center, patient, id)
) WITHOUT ROWID;
INSERT INTO "link" VALUES(1,1,1,1,7);
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO "meta" VALUES('format',1);
INSERT INTO "meta" VALUES('partition','0 of 1');
INSERT INTO "meta" VALUES('rebuilding',NULL);
INSERT INTO "meta" VALUES('rules',1);
INSERT INTO "meta" VALUES('seq',4);
INSERT INTO "meta" VALUES('statuses','{"1": "GKV", "2": "GKV", "3": "GKV", "4": "GKV", "5": "GKV", "6": "GKV", "7": "GKV", "8": "GKV", "9": "GKV", "G": "GKV", "GKV": "GKV", "P": "PKV", "PKV": "PKV"}');
INSERT INTO "meta" VALUES('topics','{"chartfeed.chart-entries": "made once", "chartfeed.checkpoints": "made once", "chartfeed.insurers": "made once", "chartfeed.patient-insurances": "made once", "chartfeed.services": "made once", "chartfeed.unified-entries": "made once"}');
INSERT INTO "meta" VALUES('used_at',1642507200000000);
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, count INTEGER NOT NULL, pack BLOB NOT NULL
);
INSERT INTO "outbox" VALUES(3,'chartfeed.unified-entries',1,X'000000001600000054000000323032322D30312D31382F63656E7465725F30312F3200000000061263656E7465725F3031165072617869732045696E7384A9020004000206474B560214414F4B2042617965726E266E6F6368206E6963687420676573656E64657402043031000480D287A5C0F6EA05');
CREATE TABLE position (topic TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "position" VALUES('chartfeed.chart-entries',4);
INSERT INTO "position" VALUES('chartfeed.checkpoints',4);
INSERT INTO "position" VALUES('chartfeed.insurers',2);
INSERT INTO "position" VALUES('chartfeed.patient-insurances',2);
INSERT INTO "position" VALUES('chartfeed.services',2);
CREATE TABLE published (
  center INTEGER NOT NULL, key NOT NULL, day INTEGER NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (center, key, day)
) WITHOUT ROWID;
CREATE TABLE service (
  center INTEGER NOT NULL, patient NOT NULL, day INTEGER NOT NULL, id NOT NULL, key NOT NULL,
  code TEXT NOT NULL, PRIMARY KEY (center, patient, day, id)
) WITHOUT ROWID;
INSERT INTO "service" VALUES(1,1,738173,1,1,'01');
CREATE TABLE unified_end (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
INSERT INTO "unified_end" VALUES(0,0);
CREATE TABLE unusable (
  topic TEXT NOT NULL, key BLOB NOT NULL, center TEXT, offset INTEGER NOT NULL,
  reason TEXT NOT NULL, PRIMARY KEY (topic, key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX entry_key ON entry (center, key);
CREATE INDEX entry_group ON entry (center, patient, day);
CREATE UNIQUE INDEX service_key ON service (center, key);
CREATE UNIQUE INDEX link_key ON link (center, key);
CREATE INDEX link_insurer ON link (center, insurer);
CREATE INDEX insurer_id ON insurer (center, id, name, kind);
COMMIT;
