# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dsctl_global_optspecs
    string join \n zk= db= registry= namespace= ds-home= ds-version= time-zone= zk-digest-file= zk-sasl-file= zk-kerberos= zk-tls zk-tls-ca= zk-tls-cert= zk-tls-key= zk-tls-any-host db-password-file= db-tls-cert= db-tls-key= session-timeout= timeout= statement-timeout= config= o/output= no-headers q/quiet v/verbose color= h/help V/version
end

function __fish_dsctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dsctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dsctl_using_subcommand
    set -l cmd (__fish_dsctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dsctl -n "__fish_dsctl_needs_command" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_needs_command" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_needs_command" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_needs_command" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_needs_command" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_needs_command" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_needs_command" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_needs_command" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_needs_command" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_needs_command" -s V -l version -d 'Print version'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "masters" -d 'Show every known master: registration, heartbeat, unfinished instances, verdict'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "lock" -d 'Show or take the failover lock'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "instances" -d 'List unfinished process instances with verdict and pending command'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "clear-hosts" -d 'Only the first half of a failover: mark the instances of a dead master as handed over'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "recover" -d 'Only the second half: write commands for instances that were handed over and have none'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "failover" -d 'Fail over dead masters: lock, check, hand over, write commands, report'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "watch" -d 'Fail over each master that dies, as the masters themselves would'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "doctor" -d 'Show what hangs and why, with the next command'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "snapshot" -d 'Copy what every command reads into a SQLite file, to be looked at without the cluster'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "commands" -d 'List waiting commands and error commands'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "config" -d 'Show every setting and where it came from; connects to nothing'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "demo" -d 'Rehearse a failover on a made-up cluster in a SQLite file; needs no server'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "man" -d 'Print the manual page'
complete -c dsctl -n "__fish_dsctl_needs_command" -f -a "help" -d 'Explain a command or a topic: exit-codes, environment'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand masters" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -f -a "status" -d 'Show holder and waiters: session, age, owner, payload'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and not __fish_seen_subcommand_from status acquire" -f -a "acquire" -d 'Take the lock and hold it until Ctrl-C, until a time is over, or until a program ends'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l for -d 'Release the lock after this time' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l lock-timeout -d 'Longest wait for the lock; 0s tries once' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l limit -d 'Show at most N instances' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l tree -d 'Also show parents and children, unfinished tasks with their workers, and who waits for whom'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand instances" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l lock-timeout -d 'Longest wait for the lock; 0s tries once' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l max-instances -d 'Refuse if there are more instances than this' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l batch -d 'Instances per transaction' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l rate -d 'Limit writes to N instances per second' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l reason -d 'Why this is done; kept with the report' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l dry-run -d 'Do everything up to the first write, and show what would be written'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -s y -l yes -d 'Do not ask for confirmation; required without a terminal. Every check still applies'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l allow-new-masters -d 'Continue even if no instance names a registered master: all are new, and not another cluster\'s'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l allow-duplicate-tasks -d 'Also take instances with a task that may still run on a worker, so that it may run twice'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l allow-no-masters -d 'Continue even if no master is registered'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l allow-restarted -d 'Also take instances that are older than their master\'s registration; needs --time-zone'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l allow-recovered -d '3.3.0 only: continue even if a master may run these instances again since an earlier failover'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand clear-hosts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l instance -d 'These instances, comma-separated' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l original-state -d '3.3 and newer: the state before the hand-over. With --orphans only for those whose state is not stored' -r -f -a "running\t'It was running'
ready_pause\t'It was about to pause'
ready_stop\t'It was about to stop'"
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l lock-timeout -d 'Longest wait for the lock; 0s tries once' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l max-instances -d 'Refuse if there are more instances than this' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l batch -d 'Instances per transaction' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l rate -d 'Limit writes to N instances per second' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l reason -d 'Why this is done; kept with the report' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l orphans -d 'Every instance that was handed over and has no command'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l dry-run -d 'Do everything up to the first write, and show what would be written'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -s y -l yes -d 'Do not ask for confirmation; required without a terminal. Every check still applies'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l allow-new-masters -d 'Continue even if no instance names a registered master: all are new, and not another cluster\'s'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l allow-duplicate-tasks -d 'Also take instances with a task that may still run on a worker, so that it may run twice'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l allow-no-masters -d 'Continue even if no master is registered'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l allow-restarted -d 'Also take instances that are older than their master\'s registration; needs --time-zone'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l allow-recovered -d '3.3.0 only: continue even if a master may run these instances again since an earlier failover'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l grace -d 'With --all-dead: how long the masters must stay unregistered first; by default as long as the release\'s own masters wait (30s in 3.3 and newer, else 0s). A dry run does not wait' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l wait -d 'Wait this long for living masters to take up the instances' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l lock-timeout -d 'Longest wait for the lock; 0s tries once' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l max-instances -d 'Refuse if there are more instances than this' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l batch -d 'Instances per transaction' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l rate -d 'Limit writes to N instances per second' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l reason -d 'Why this is done; kept with the report' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l all-dead -d 'Every master that an unfinished instance names and that is not registered'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l dry-run -d 'Do everything up to the first write, and show what would be written'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -s y -l yes -d 'Do not ask for confirmation; required without a terminal. Every check still applies'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l allow-new-masters -d 'Continue even if no instance names a registered master: all are new, and not another cluster\'s'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l allow-duplicate-tasks -d 'Also take instances with a task that may still run on a worker, so that it may run twice'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l allow-no-masters -d 'Continue even if no master is registered'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l allow-restarted -d 'Also take instances that are older than their master\'s registration; needs --time-zone'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l allow-recovered -d '3.3.0 only: continue even if a master may run these instances again since an earlier failover'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand failover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l interval -d 'Time between two scans of the database, from start to start' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l diagnose-every -d 'Look for what hangs, as \'doctor\' does, this often in rounds in which no master is missing; or \'never\' [default: 5m; with --once: never]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l fail-after -d 'Exit with code 6 after this long without a successful round' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l state-file -d 'State file; by default that of the installed service (/var/lib/dsctl/watch.json), or else ~/.local/state/dsctl/watch.json' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l pause -d 'Pause every watcher with this state file, and say why; nothing else is done' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l grace -d 'How long a registration must be missing before a failover; longer than the masters\' registry session' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l cool-down -d 'Minimum time between two failovers of the same master' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l window -d 'Period over which the storm brake counts' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l max-masters -d 'More masters than this within the window trip the storm brake' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l max-instances -d 'More instances than this within the window trip the storm brake; a master that has more by itself is left alone' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l lock-timeout -d 'Longest wait for the lock; then the master is skipped in this round' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l batch -d 'Instances per transaction' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l rate -d 'Limit writes to N instances per second' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l metrics-file -d 'Write metrics for Prometheus into this file after each round' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l metrics-listen -d 'Serve metrics for Prometheus; a port without an address is on loopback' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l hook -d 'Folder with programs pre, post-success, post-failure, blocked; pre may veto' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l on -d 'Program for one of these moments, without a shell: pre=/usr/local/bin/may-i' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l hook-timeout -d 'Timeout of each hook' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l once -d 'Run one round and exit with the code of its failovers; missing masters are remembered in the state file'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l live -d 'Show masters, guards and events as a full-screen view of the terminal'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l resume -d 'End the pause and release the storm brake; nothing else is done'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l print-unit -d 'Print a systemd unit that runs the loop with the other options of this line; nothing else is done'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l dry-run -d 'Run the whole loop and write nothing'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -s y -l yes -d 'Fail masters over without confirmation. Every check still applies'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l allow-new-masters -d 'Continue even if no instance names a registered master: all are new, and not another cluster\'s'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l allow-duplicate-tasks -d 'Also take instances with a task that may still run on a worker, so that it may run twice'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l fail-on -d 'Exit with 3 if there is a finding of this severity or a more urgent one' -r -f -a "act\t'Something hangs'
look\t'Also what may be normal'
note\t'Whatever is found'
never\t'Never'"
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l settle -d 'How long to wait before a second look, where one alone cannot prove a finding; at least 6s' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l profile -d 'What to look for: what hangs, or whether an upgrade may begin and what one has broken' -r -f -a "operation\t'What hangs'
upgrade\t'What must be empty before an upgrade, and what one has broken'"
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l metrics-file -d 'Write what is found into this file, for Prometheus\' textfile collector' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l explain -d 'Explain a code, or list all of them; connects to nothing' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l once -d 'Take one look, and mark what it cannot prove'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l nagios -d 'Answer as a plugin for Nagios or Icinga: one line, and exit with 0, 1 (look), 2 (act) or 3 (unknown)'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l with-values -d 'Keep the values of parameters; without this only their keys are in the file'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand commands" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l file -d 'Keep the made-up cluster in this file' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk -d 'ZooKeeper servers, and the chroot if there is one [env: DSCTL_ZK]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l db -d 'Metadata database: mysql://, mariadb://, postgres://, sqlite:FILE, or a jdbc: URL [env: DSCTL_DB]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l registry -d 'Registry: zookeeper, or DolphinScheduler\'s own in the database (3.3 and newer) [env: DSCTL_REGISTRY]' -r -f -a "zookeeper\t''
jdbc\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l namespace -d 'Root of the cluster\'s entries in the registry [default: dolphinscheduler] [env: DSCTL_NAMESPACE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l ds-home -d 'Read registry and database from DolphinScheduler\'s own files in this folder [env: DSCTL_DS_HOME]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l ds-version -d 'DolphinScheduler\'s release, if the database does not show it [env: DSCTL_DS_VERSION]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l time-zone -d 'Time zone in which the masters write times, such as Asia/Shanghai or +08:00: their host\'s, but in 3.0 and 3.1 that of SPRING_JACKSON_TIME_ZONE [env: DSCTL_TIME_ZONE]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-digest-file -d 'File with user:password for ZooKeeper, - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_DIGEST_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-sasl-file -d 'File with user:password for ZooKeeper\'s SASL login (DIGEST-MD5), - for stdin (on a terminal it is asked for) [env: DSCTL_ZK_SASL_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-kerberos -d 'Log in at ZooKeeper with Kerberos, by the ticket of this machine\'s Kerberos for this service, usually zookeeper (zookeeper.sasl.client.username) [env: DSCTL_ZK_KERBEROS]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-tls-ca -d 'Certificates (PEM) of the authorities that sign those of ZooKeeper\'s servers; switches TLS on [env: DSCTL_ZK_TLS_CA]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-tls-cert -d 'This client\'s own certificate (PEM), if ZooKeeper demands one [env: DSCTL_ZK_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-tls-key -d 'Its private key (PEM) [default: in the file of --zk-tls-cert] [env: DSCTL_ZK_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l db-password-file -d 'File with the database\'s password, - for stdin (on a terminal it is asked for) [env: DSCTL_DB_PASSWORD_FILE]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l db-tls-cert -d 'This client\'s own certificate (PEM), if the database demands one [env: DSCTL_DB_TLS_CERT]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l db-tls-key -d 'Its private key (PEM) [default: in the file of --db-tls-cert] [env: DSCTL_DB_TLS_KEY]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l session-timeout -d 'How long the registry keeps the lock after the last heartbeat [default: 18s] [env: DSCTL_SESSION_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l timeout -d 'Timeout of each network operation [default: 10s] [env: DSCTL_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l statement-timeout -d 'Timeout of each database statement [default: 5m] [env: DSCTL_STATEMENT_TIMEOUT]' -r
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l config -d 'Configuration file in TOML, instead of the two default files [env: DSCTL_CONFIG]' -r -F
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -s o -l output -d 'Output format [default: table] [env: DSCTL_OUTPUT]' -r -f -a "table\t''
json\t''
ndjson\t''
tsv\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l color -d 'When to use colours [default: auto] [env: DSCTL_COLOR]' -r -f -a "auto\t''
always\t''
never\t''"
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-tls -d 'Connect to ZooKeeper with TLS; --zk-tls-ca, which has to be given, switches it on, too [env: DSCTL_ZK_TLS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l zk-tls-any-host -d 'Accept certificates of ZooKeeper\'s servers whatever host they name, as ssl.hostnameVerification=false does [env: DSCTL_ZK_TLS_ANY_HOST]'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -l no-headers -d 'Omit header lines in table and tsv [env: DSCTL_NO_HEADERS]'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -s q -l quiet -d 'Results, warnings and errors only: no progress, no remarks [env: DSCTL_QUIET]'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -s v -l verbose -d 'Log to stderr; twice for more [env: DSCTL_VERBOSE]'
complete -c dsctl -n "__fish_dsctl_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
