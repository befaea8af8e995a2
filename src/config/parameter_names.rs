//! Which parameters of database URLs the drivers know, and what becomes of each here: some are
//! honoured, most change nothing for this program, and the others are refused.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::metadata::target::Tls;

/// A name that no driver knows, and the one that is probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// As it stands in the URL. It differs in few letters from a known name, so that it is no
    /// password.
    pub written: String,
    /// As the drivers spell it.
    pub likely: &'static str,
}

/// The parameters that one kind of driver knows.
pub(super) struct Names {
    /// What is read from them stands in the settings.
    honoured: &'static [&'static str],
    /// Pools, caches, types, limits and logs of the driver itself.
    without_effect: &'static str,
    /// With what to do instead.
    refused: &'static [Unhonoured],
    /// All of these.
    known: &'static LazyLock<Known>,
}

/// A parameter that cannot be honoured.
struct Unhonoured {
    name: &'static str,
    when: When,
    instead: &'static str,
}

/// When a parameter would have an effect. Otherwise it changes nothing.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// With this value.
    Is(&'static str),
    /// With any class but these and that of junixsocket, which do what is done here.
    NotClass(&'static [&'static str]),
    /// Where the server's name is checked, and by another class than this one.
    NameChecked {
        /// The class that checks it as it is checked here.
        unless: &'static str,
    },
    /// Where it is no path.
    NoPath,
    /// Where the connection may be encrypted.
    Encrypted,
    /// Where the server's certificate is checked, and no file with authorities is given.
    Checked,
}

impl When {
    fn applies(self, value: &str, tls: &Tls) -> bool {
        match self {
            Self::Always => true,
            Self::Is(meant) => plain(value) == meant,
            Self::NotClass(usual) => !usual.contains(&value) && !is_factory(value),
            Self::NameChecked { unless } => matches!(tls, Tls::VerifyFull(_)) && value != unless,
            Self::NoPath => !is_path(value),
            Self::Encrypted => *tls != Tls::Disable,
            Self::Checked => *tls == Tls::VerifyFull(None),
        }
    }
}

const fn refused(name: &'static str, when: When, instead: &'static str) -> Unhonoured {
    Unhonoured {
        name,
        when,
        instead,
    }
}

const NO_KEY_STORE: &str =
    "Java's key stores cannot be read; name a PEM file with the authority in ssl-ca=FILE";
const NO_REVOCATION: &str = "lists of revoked certificates are not read";
const NO_SOCKET: &str = "name the server by its host and port, or its socket by socket=/FILE (MySQL, MariaDB) or host=/FOLDER (PostgreSQL)";
const NO_PROXY: &str = "connections are made to the server itself";
const NO_LOGIN: &str = "user and one password are all that a login can have";
const NO_ADDRESS: &str = "the server stands before the database: //HOST:PORT/DATABASE";

impl Names {
    /// Connector/J of MySQL and of MariaDB, and the options of their own clients.
    pub(super) const MYSQL: Self = Self {
        known: &MYSQL,
        honoured: &[
            "user",
            "password",
            "sslMode",
            "useSSL",
            "requireSSL",
            "verifyServerCertificate",
            "trustServerCertificate",
            "sslCa",
            "serverSslCert",
            "sslCert",
            "sslKey",
            "clientCertificateKeyStoreUrl",
            "keyStore",
            "allowPublicKeyRetrieval",
        ],
        without_effect: "\
            allowLoadLocalInfile allowLoadLocalInfileInPath allowLocalInfile allowMasterDownConnections allowMultiQueries \
            allowNanAndInf allowReplicaDownConnections allowSlaveDownConnections allowSourceDownConnections \
            allowUrlInLocalInfile alwaysSendSetIsolation assumeMinServerVersion assureReadOnly authenticationPlugins \
            autoClosePStmtStreams autoDeserialize autoGenerateTestcaseScript autoReconnect autoReconnectForPools \
            autoSlowLog autocommit blankTableNameMeta blobSendChunkSize blobsAreStrings cacheCallableStmts \
            cacheCallableStatements cacheDefaultTimeZone cacheDefaultTimezone cachePrepStmts cacheResultSetMetadata \
            cacheServerConfiguration callableStmtCacheSize capitalizeTypeNames characterEncoding characterSetResults \
            cipherSuite clientCertificateKeyStorePassword clientCertificateKeyStoreType clientInfoProvider clobCharacterEncoding \
            clobberStreamingResults compensateOnDuplicateKeyUpdateCounts connectTimeout connectionAttributes \
            connectionCollation connectionLifecycleInterceptors connectionTimeZone continueBatchOnError createDatabaseIfNotExist \
            customCharsetMapping databaseTerm defaultAuthenticationPlugin defaultFetchSize detectCustomCollations \
            detectServerPreparedStmts disableMariaDbDriver disabledAuthenticationPlugins dontCheckOnDuplicateKeyUpdateInSQL \
            dontTrackOpenResources dumpQueriesOnException dynamicCalendars elideSetAutoCommits emptyStringsConvertToZero \
            emulateLocators emulateUnsupportedPstmts enableEscapeProcessing enablePacketDebug enableQueryTimeouts \
            enabledSSLCipherSuites enabledSslCipherSuites enabledSslProtocolSuites enabledTLSProtocols exceptionInterceptors \
            explainSlowQueries failOverReadOnly fallbackToSystemKeyStore fallbackToSystemTrustStore fetchSize \
            forceConnectionTimeZoneToSession functionsNeverReturnBlobs gatherPerfMetrics gatherPerformanceMetrics \
            generateSimpleParameterMetadata getProceduresReturnsFunctions haEnableJMX holdResultsOpenOverStatementClose \
            idleConnectionTestPeriod ignoreNonTxTables includeInnodbStatusInDeadlockExceptions \
            includeThreadDumpInDeadlockExceptions includeThreadNamesAsStatementComment initialTimeout initSQL \
            interactiveClient isInteractiveClient jdbcCompliantTruncation keepAlive keyStorePassword keyStoreType \
            largeRowSizeThreshold loadBalanceAutoCommitStatementRegex loadBalanceAutoCommitStatementThreshold \
            loadBalanceBlacklistTimeout loadBalanceBlocklistTimeout loadBalanceConnectionGroup loadBalanceEnableJMX \
            loadBalanceExceptionChecker loadBalanceHostRemovalGracePeriod loadBalancePingTimeout loadBalanceSQLExceptionSubclassFailover \
            loadBalanceSQLStateFailover loadBalanceStrategy loadBalanceValidateConnectionOnSwapServer localSocketAddress \
            locatorFetchBufferSize log logSlowQueries logXaCommands logger maintainTimeStats maxAllowedPacket maxIdleTime \
            maxPoolSize maxQuerySizeToLog maxQuerySizeLog maxReconnects maxRows metadataCacheSize minEvictableIdleTimeMillis \
            minPoolSize nativeAuthenticationPlugins netTimeoutForStreamingResults noAccessToProcedureBodies noDatetimeStringSync \
            nullCatalogMeansCurrent nullDatabaseMeansCurrent nullNamePatternMatchesAll overrideSupportsIntegrityEnhancementFacility \
            ociConfigFile ociConfigProfile packetDebugBufferSize padCharsWithSpace paranoid parseInfoCacheFactory passwordCharacterEncoding \
            pedantic permitMysqlScheme pinGlobalTxToPhysicalConnection pool poolName poolValidMinDelay populateInsertRowWithDefaultValues \
            prepStmtCacheSize prepStmtCacheSqlLimit preserveInstants processEscapeCodesForPrepStmts profileSQL profileSql \
            profilerEventHandler propertiesTransform queriesBeforeRetryMaster queriesBeforeRetrySource queryInfoCacheFactory \
            queryInterceptors queryTimeoutKillsConnection readFromMasterWhenNoSlaves readFromSourceWhenNoReplicas \
            readOnlyPropagatesToServer reconnectAtTxEnd replicationConnectionGroup replicationEnableJMX reportMetricsIntervalMillis \
            resourceId resultSetSizeThreshold retriesAllDown retainStatementAfterResultSetClose returnMultiValuesGeneratedIds \
            rewriteBatchedStatements rollbackOnPooledClose roundRobinLoadBalance runningCTS13 scrollTolerantForwardOnly \
            secondsBeforeRetryMaster secondsBeforeRetrySource selfDestructOnPingMaxOperations selfDestructOnPingSecondsLifetime \
            sendFractionalSeconds sendFractionalSecondsForTime serverAffinityOrder serverConfigCacheFactory serverSslCertPassword \
            serverTimezone sessionVariables slowQueryThresholdMillis slowQueryThresholdNanos socketTimeout staticGlobal \
            statementInterceptors strictFloatingPoint strictUpdates tcpAbortiveClose tcpKeepAlive tcpKeepCount tcpKeepIdle \
            tcpKeepInterval tcpNoDelay tcpRcvBuf tcpSndBuf tcpTrafficClass timezone tinyInt1isBit tlsCiphersuites tlsVersions \
            traceProtocol trackSchema trackSessionState transactionIsolation transactionReplay transactionReplaySize \
            transformedBitIsBoolean treatMysqlDatetimeAsTimestamp treatUtilDateAsTimestamp trustCertificateKeyStorePassword \
            trustCertificateKeyStoreType trustStorePassword trustStoreType ultraDevHack useAffectedRows useAsyncProtocol \
            useBatchMultiSend useBatchMultiSendNumber useBlobToStoreUTF8OutsideBMP useBulkStmts useBulkStmtsForInserts \
            useCatalogTerm useColumnNamesInFindColumn useCompression useConfigs useCursorFetch useDirectRowUnpack \
            useDynamicCharsetInfo useFastDateParsing useFastIntParsing useGmtMillisForDatetimes useHostsInPrivileges \
            useInformationSchema useJDBCCompliantTimezoneShift useJDBCCompliantTimeZoneShift useJvmCharsetConverters \
            useLegacyDatetimeCode useLocalSessionState useLocalTransactionState useMysqlMetadata useNanosForElapsedTime \
            useOldAliasMetadataBehavior useOldUTF8Behavior useOnlyServerErrorMessages usePipelineAuth useReadAheadInput \
            useReadOnlyPropagatesToServer useResetConnection useSSPSCompatibleTimezoneShift useServerPrepStmts useSqlStateCodes \
            useStreamLengthsInPrepStmts useTimezone useUltraDevWorkAround useUnbufferedIO useUnbufferedInput useUnicode \
            useUsageAdvisor utf8OutsideBmpExcludedColumnNamePattern utf8OutsideBmpIncludedColumnNamePattern validConnectionTimeout \
            verifyIdentity xdevapi yearIsDateType zeroDateTimeBehavior charset",
        refused: &[
            refused("trustCertificateKeyStoreUrl", When::Checked, NO_KEY_STORE),
            refused("trustStore", When::Checked, NO_KEY_STORE),
            refused(
                "serverRSAPublicKeyFile",
                When::Always,
                "the server's RSA key cannot be given: use TLS",
            ),
            refused(
                "socketFactory",
                When::NotClass(&[
                    "com.mysql.cj.protocol.StandardSocketFactory",
                    "com.mysql.jdbc.StandardSocketFactory",
                ]),
                NO_SOCKET,
            ),
            refused("localSocket", When::NoPath, NO_SOCKET),
            refused("junixsocket.file", When::NoPath, NO_SOCKET),
            refused("pipe", When::Always, NO_SOCKET),
            refused("socket", When::NoPath, NO_SOCKET),
            refused("sharedMemory", When::Always, NO_SOCKET),
            refused("socksProxyHost", When::Always, NO_PROXY),
            refused("socksProxyPort", When::Always, NO_PROXY),
            refused(
                "dnsSrv",
                When::Is("true"),
                "name each server, separated by commas",
            ),
            refused("credentialType", When::Always, NO_LOGIN),
            refused("password2", When::Always, NO_LOGIN),
            refused("password3", When::Always, NO_LOGIN),
        ],
    };

    /// PostgreSQL's JDBC driver, and libpq.
    pub(super) const POSTGRES: Self = Self {
        known: &POSTGRES,
        honoured: &[
            "user",
            "password",
            "sslmode",
            "ssl",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "sslfactory",
            "currentSchema",
            "options",
            "targetServerType",
            "target_session_attrs",
        ],
        without_effect: "\
            adaptiveFetch adaptiveFetchMaximum adaptiveFetchMinimum allowEncodingChanges ApplicationName application_name \
            assumeMinServerVersion autosave binaryTransfer binaryTransferDisable binaryTransferEnable cancelSignalTimeout \
            cleanupSavepoints client_encoding charSet connect_timeout connectTimeout connectThreadFactory convertBooleanToNumeric \
            databaseMetadataCacheFields databaseMetadataCacheFieldsMiB defaultRowFetchSize disableColumnSanitiser escapeSyntaxCallMode \
            fallback_application_name groupStartupParameters gssdelegation gsslib gssResponseTimeout hideUnprivilegedObjects \
            hostRecheckSeconds jaasApplicationName jaasLogin keepalives keepalives_count keepalives_idle keepalives_interval \
            kerberosServerName krbsrvname load_balance_hosts loadBalanceHosts localSocketAddress logServerErrorDetail loggerFile \
            loggerLevel loginTimeout logUnclosedConnections maxResultBuffer maxSendBufferSize pemKeyAlgorithm \
            preferQueryMode preparedStatementCacheQueries preparedStatementCacheSizeMiB prepareThreshold protocolVersion \
            queryTimeout quoteReturningIdentifiers readOnly readOnlyMode receiveBufferSize replication reWriteBatchedInserts \
            scram_client_key sendBufferSize socketTimeout sspiServiceClass ssl_max_protocol_version ssl_min_protocol_version \
            sslcompression sslnegotiation sslpassword sslpasswordcallback sslResponseTimeout sslsni stringtype tcpKeepAlive \
            tcpNoDelay tcp_user_timeout unknownLength useSpnego xmlFactoryFactory",
        refused: &[
            refused("sslcrl", When::Encrypted, NO_REVOCATION),
            refused("sslcrldir", When::Encrypted, NO_REVOCATION),
            refused(
                "sslhostnameverifier",
                When::NameChecked {
                    unless: "org.postgresql.ssl.PGjdbcHostnameVerifier",
                },
                "the server's name is checked as the driver itself does it; sslmode=verify-ca leaves it unchecked",
            ),
            refused(
                "gssEncMode",
                When::Is("require"),
                "Kerberos is not supported: use TLS and a password",
            ),
            refused(
                "channelBinding",
                When::Is("require"),
                "a login is not bound to its TLS connection: use sslmode=verify-full",
            ),
            refused(
                "requireAuth",
                When::Always,
                "the server alone chooses how a user logs in: use sslmode=verify-full",
            ),
            refused("socketFactory", When::NotClass(&[]), NO_SOCKET),
            refused("socketFactoryArg", When::NoPath, NO_SOCKET),
            refused("host", When::NoPath, NO_ADDRESS),
            refused("hostaddr", When::Always, NO_ADDRESS),
            refused("dbname", When::Always, NO_ADDRESS),
            refused("PGHOST", When::NoPath, NO_ADDRESS),
            refused("port", When::Always, NO_ADDRESS),
            refused("PGPORT", When::Always, NO_ADDRESS),
            refused("PGDBNAME", When::Always, NO_ADDRESS),
            refused("service", When::Always, NO_ADDRESS),
            refused("passfile", When::Always, "use the variable PGPASSFILE"),
        ],
    };

    /// Why a parameter with this value cannot be honoured on such a connection, if it cannot.
    pub(super) fn refuse(&self, name: &str, value: &str, tls: &Tls) -> Option<String> {
        // The drivers take it as not given.
        if value.is_empty() {
            return None;
        }
        let Unhonoured { name, instead, .. } = self
            .refused
            .iter()
            .find(|refused| plain(refused.name) == name && refused.when.applies(value, tls))?;
        Some(format!(
            "the parameter {name} cannot be honoured: {instead}"
        ))
    }

    /// The name that is probably meant by an unknown one.
    pub(super) fn misspelt(&self, written: &str) -> Option<Misspelt> {
        let name = plain(written);
        if self.known.contains_key(&name) {
            return None;
        }
        let far = if name.len() < 7 { 1 } else { 2 };
        let distances = self
            .known
            .iter()
            .filter(|(known, _)| known.len() > 3 && known.len().abs_diff(name.len()) <= far)
            .map(|(known, likely)| (strsim::levenshtein(&name, known), *likely));
        let (_, likely) = distances
            .filter(|(distance, _)| *distance <= far)
            .min_by_key(|(distance, _)| *distance)?;
        Some(Misspelt {
            written: written.to_owned(),
            likely,
        })
    }

    fn known(&self) -> Known {
        let refused = self.refused.iter().map(|refused| refused.name);
        let honoured = self.honoured.iter().copied();
        let others = self.without_effect.split_whitespace();
        let names = others.chain(refused).chain(honoured);
        names.map(|name| (plain(name), name)).collect()
    }
}

/// All names as they are compared, and as the drivers spell them.
type Known = BTreeMap<String, &'static str>;

static MYSQL: LazyLock<Known> = LazyLock::new(|| Names::MYSQL.known());
static POSTGRES: LazyLock<Known> = LazyLock::new(|| Names::POSTGRES.known());

/// Whether a class of junixsocket has this name.
pub(super) fn is_factory(class: &str) -> bool {
    class.starts_with("org.newsclub.net.")
}

/// Whether a value names a place in the file system.
pub(super) fn is_path(value: &str) -> bool {
    value.starts_with('/')
}

/// A name without what the drivers spell differently: case, `-` and `_`.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .collect::<String>()
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_misspelt_name_is_near_one_that_is_known() {
        let likely = |names: &Names, written| names.misspelt(written).map(|found| found.likely);
        for (written, expected) in [
            ("userSSL", Some("useSSL")),
            ("ssl-mod", Some("sslMode")),
            ("serverTimzone", Some("serverTimezone")),
            ("alowPublicKeyRetreival", None),
            ("allowPublicKeyRetreival", Some("allowPublicKeyRetrieval")),
            ("pasword", Some("password")),
            ("conectTimeout", Some("connectTimeout")),
            ("use_ssl", None),
            ("whatever", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(likely(&Names::MYSQL, written), expected, "{written}");
        }
        assert_eq!(
            likely(&Names::POSTGRES, "targetServertyp"),
            Some("targetServerType")
        );
        assert_eq!(
            likely(&Names::POSTGRES, "curentSchema"),
            Some("currentSchema")
        );
        assert_eq!(likely(&Names::POSTGRES, "sslmod"), Some("sslmode"));
        assert_eq!(likely(&Names::POSTGRES, &"x".repeat(40_000)), None);
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        let refuse = |name, value, tls| Names::POSTGRES.refuse(name, value, &tls);
        let said = refuse("sslcrl", "/x", Tls::Prefer).unwrap();
        assert!(said.contains("sslcrl cannot be honoured"), "{said}");
        assert_eq!(refuse("sslcrl", "/x", Tls::Disable), None);
        assert_eq!(refuse("channelbinding", "prefer", Tls::Prefer), None);
        assert!(refuse("channelbinding", "Require", Tls::Prefer).is_some());
        assert_eq!(refuse("preparethreshold", "0", Tls::Prefer), None);
        let verifier = |class, tls| refuse("sslhostnameverifier", class, tls);
        let own = "org.example.Verifier";
        let said = verifier(own, Tls::VerifyFull(None)).unwrap();
        assert!(said.contains("sslhostnameverifier cannot be"), "{said}");
        // The driver creates it only where it checks a name.
        assert_eq!(verifier(own, Tls::VerifyCa("/ca.pem".into())), None);
        assert_eq!(verifier(own, Tls::Require), None);
        let usual = "org.postgresql.ssl.PGjdbcHostnameVerifier";
        assert_eq!(verifier(usual, Tls::VerifyFull(None)), None);
        let factory = |class| Names::MYSQL.refuse("socketfactory", class, &Tls::Prefer);
        for usual in [
            "com.mysql.cj.protocol.StandardSocketFactory",
            "com.mysql.jdbc.StandardSocketFactory",
        ] {
            assert_eq!(factory(usual), None);
        }
        assert!(factory("org.example.SocketFactory").is_some());
        let trust = |tls| Names::MYSQL.refuse("truststore", "/x", &tls).is_some();
        assert!(trust(Tls::VerifyFull(None)));
        assert!(!trust(Tls::VerifyFull(Some("/ca.pem".into()))) && !trust(Tls::Require));
    }

    #[test]
    fn a_name_is_in_one_list_alone() {
        for names in [Names::MYSQL, Names::POSTGRES] {
            let refused: BTreeSet<String> = names
                .refused
                .iter()
                .map(|refused| plain(refused.name))
                .collect();
            let known: BTreeSet<String> = names.honoured.iter().map(|name| plain(name)).collect();
            assert!(refused.is_disjoint(&known));
            for name in names.without_effect.split_whitespace() {
                assert!(
                    !refused.contains(&plain(name)) && !known.contains(&plain(name)),
                    "{name}"
                );
            }
        }
    }
}
