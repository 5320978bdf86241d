CREATE USER [chartfeed] FOR LOGIN [chartfeed];
GRANT VIEW DEFINITION TO [chartfeed];
GRANT SELECT ON SCHEMA::[ck] TO [chartfeed];
GRANT VIEW CHANGE TRACKING ON SCHEMA::[ck] TO [chartfeed]
