//! Looks in the right registry, and makes sure that dead means proven dead, before anything is
//! locked or written.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::error::{FailoverError, Refusal};
use super::judge;
use super::rules::Rules;
use crate::cluster::Cluster;
use crate::family::{Claim, Family, Release, payload};
use crate::metadata::database::DatabaseError;
use crate::metadata::{HostCount, Mark, MetadataStore};
use crate::model::{Address, AddressForm, Instance, Moment, Registration, Registrations};
use crate::registry::{Registry, RegistryError};

/// What the registry shows at one moment.
#[derive(Clone, Debug, Default)]
pub struct RegistryView {
    /// The masters.
    pub masters: Registrations,
    /// The workers; read only if the family's task rule needs them.
    pub workers: Registrations,
}

/// How old the newest heartbeat in a registry is that no master uses any more. Masters write one every
/// few seconds; but sessions can be long, and their clocks are not the database's.
const UNUSED: Duration = Duration::from_hours(1);

/// How often a server that is neither proven alive nor dead is checked.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// Longer than it takes with DolphinScheduler's default settings until there is no doubt; with
/// others the master is refused.
const LONGEST_DOUBT: Duration = Duration::from_secs(75);

/// Reads the registry and checks that it is the right one. If the clocks do not show whether a
/// master is alive, it is observed until that is known.
///
/// # Errors
/// [`Refusal`], or errors of registry and database. Nothing is written.
pub async fn look(cluster: &mut Cluster, rules: &Rules) -> Result<RegistryView, FailoverError> {
    let masters = without_doubt(&mut *cluster.registry).await?;
    let family = cluster.store.release().family;
    if let Some(refusal) = registered_elsewhere(cluster).await? {
        return Err(refusal.into());
    }
    check_registry(
        &masters,
        family,
        place(&*cluster.registry),
        rules.allow_no_masters,
    )?;
    let workers = match cluster.store.release().task_rule() {
        crate::family::TaskRule::Untouched => Registrations::default(),
        _ => cluster.registry.workers().await?,
    };
    Ok(RegistryView { masters, workers })
}

/// The masters at this moment, checked like in [`look`]. It includes those that may be alive or
/// dead by the clocks: it does not wait.
///
/// # Errors
/// [`Refusal`], or errors of the registry.
pub(super) async fn look_once(
    cluster: &mut Cluster,
    rules: &Rules,
) -> Result<Registrations, FailoverError> {
    let masters = cluster.registry.masters().await?;
    check_registry(
        &masters,
        cluster.store.release().family,
        place(&*cluster.registry),
        rules.allow_no_masters,
    )?;
    Ok(masters)
}

/// The masters. If the clocks do not show whether one is alive, they are observed until that is
/// known, or for as long as that may take.
///
/// # Errors
/// Those of the registry.
pub async fn without_doubt(registry: &mut dyn Registry) -> Result<Registrations, RegistryError> {
    let mut masters = registry.masters().await?;
    let began = Instant::now();
    // In a snapshot nothing moves.
    while masters.any_in_doubt() && !registry.is_recorded() && began.elapsed() < LONGEST_DOUBT {
        sleep(SECOND_LOOK).await;
        masters = registry.masters().await?;
    }
    Ok(masters)
}

/// What the masters have at this moment whose heartbeats are in doubt, which will be observed for a
/// while; `None` if there are none.
///
/// # Errors
/// Those of registry and database.
pub async fn mark_of_doubtful(cluster: &mut Cluster) -> Result<Option<Mark>, FailoverError> {
    // ZooKeeper itself ends sessions.
    if cluster.registry.kind() == "zookeeper" {
        return Ok(None);
    }
    let masters = cluster.registry.masters().await?;
    let doubtful = masters.servers.iter();
    let doubtful: Vec<&str> = doubtful
        .filter(|server| server.heartbeat.in_doubt)
        .map(|server| server.address.as_str())
        .collect();
    if doubtful.is_empty() {
        return Ok(None);
    }
    Ok(Some(cluster.store.mark(&doubtful).await?))
}

/// The masters as a reading command shows them, and the evidence that they are not this cluster's.
/// If the cluster is not registered in this registry, they are returned as if the parent node did
/// not exist: an absence then proves nothing.
///
/// # Errors
/// Errors of registry and database.
pub async fn look_for_display(
    cluster: &mut Cluster,
) -> Result<(Registrations, Option<Refusal>), FailoverError> {
    let mut masters = cluster.registry.masters().await?;
    if let Some(refusal) = registered_elsewhere(cluster).await? {
        masters.parent_exists = false;
        return Ok((masters, Some(refusal)));
    }
    let family = cluster.store.release().family;
    let refusal = check_registry(&masters, family, place(&*cluster.registry), false).err();
    Ok((masters, refusal))
}

/// [`Refusal::StrangeMasters`] if no row names any of the registered masters.
///
/// # Errors
/// Those of the database. Nothing is ever written.
pub async fn strange_masters(
    cluster: &mut Cluster,
    registered: &Registrations,
) -> Result<Option<Refusal>, DatabaseError> {
    let servers = registered.servers.iter();
    let masters: Vec<&str> = servers.map(|server| server.address.as_str()).collect();
    if masters.is_empty() || cluster.store.names_any(&masters).await? {
        return Ok(None);
    }
    Ok(Some(Refusal::StrangeMasters {
        masters: masters.join(", "),
        jdbc: cluster.registry.kind() == "jdbc",
    }))
}

/// Checks whether a master keeps itself registered in the metadata database although ZooKeeper was
/// configured.
///
/// # Errors
/// Those of the database.
pub async fn registered_elsewhere(cluster: &mut Cluster) -> Result<Option<Refusal>, FailoverError> {
    if cluster.registry.kind() != "zookeeper" {
        return Ok(None);
    }
    Ok(in_database(&mut cluster.store).await?)
}

/// Checks whether a master keeps itself registered in the metadata database: then ZooKeeper is not
/// this cluster's registry, and a lock there excludes no client.
///
/// # Errors
/// Those of the database.
pub async fn in_database(store: &mut MetadataStore) -> Result<Option<Refusal>, DatabaseError> {
    let contradiction = |key: &String, place: &str| {
        Refusal::Contradiction(format!(
            "ZooKeeper is configured, but {key} keeps itself registered in the database's {place}"
        ))
    };
    if let Some(head) = store.snapshot() {
        return Ok(head.elsewhere.clone().map(Refusal::Contradiction));
    }
    let jdbc = store.jdbc_masters(UNUSED).await?;
    if let Some(key) = jdbc.first() {
        return Ok(Some(contradiction(
            key,
            "own JDBC registry, or did so within the last hour (3.3 and newer: use --registry jdbc; that of 3.2 is not supported; if they were moved to ZooKeeper since, delete their rows in t_ds_jdbc_registry_data)",
        )));
    }
    let mysql = store.mysql_registry_masters(UNUSED).await?;
    Ok(mysql
        .first()
        .map(|key| contradiction(key, "MySQL registry of 3.1, which is not supported")))
}

/// A registry's kind and address.
#[must_use]
pub fn place(registry: &dyn Registry) -> (&str, &str) {
    (registry.kind(), registry.endpoint())
}

/// Checks that the registrations can be those of this cluster's masters; with the registry's
/// [`place`].
///
/// # Errors
/// [`Refusal::NoMastersNode`], [`Refusal::NoMasters`], [`Refusal::Contradiction`].
pub fn check_registry(
    masters: &Registrations,
    family: &Family,
    (kind, endpoint): (&str, &str),
    allow_no_masters: bool,
) -> Result<(), Refusal> {
    let parent = masters.parent.clone();
    if !masters.parent_exists {
        return Err(Refusal::NoMastersNode {
            endpoint: endpoint.to_owned(),
            parent,
        });
    }
    if masters.servers.is_empty() && !allow_no_masters {
        return Err(Refusal::NoMasters {
            parent,
            jdbc: kind == "jdbc",
        });
    }
    match masters
        .servers
        .iter()
        .find_map(|server| foreign(server, family))
    {
        Some(contradiction) => Err(Refusal::Contradiction(contradiction)),
        None => Ok(()),
    }
}

/// Why a registration cannot belong to this family.
fn foreign(server: &Registration, family: &Family) -> Option<String> {
    let form = family.registry.address_form;
    if Address::typed(server.address.as_str(), form).is_err() {
        let expected = if form == AddressForm::Host {
            "a host without a port"
        } else {
            "host:port"
        };
        return Some(format!(
            "{} names a master {:?}, not {expected}",
            server.node,
            server.address.as_str()
        ));
    }
    let not_ours = |but: &str| {
        format!(
            "the heartbeat of {} is not of family {}, but the database's schema is{but}",
            server.address, family.label
        )
    };
    if let Some(form) = server
        .heartbeat
        .form
        .filter(|form| !payload::is_written_by(*form, family.id))
    {
        return Some(not_ours(&format!(
            ", but of a master of {}",
            payload::writers(form)
        )));
    }
    let local = matches!(server.heartbeat.started_at?, Moment::Local(_));
    (local != family.local_heartbeats).then(|| not_ours(""))
}

/// A note about masters with unfinished instances whose registration is a persistent node: they are
/// not taken for dead, and perhaps no master works on these.
#[must_use]
pub fn about_persistent(
    masters: &Registrations,
    counts: &[HostCount],
    family: &Family,
) -> Vec<String> {
    let unfinished = |server: &Registration| -> i64 {
        let of_server = |count: &&HostCount| {
            count.host.as_deref() == Some(server.address.as_str())
                && family.is_unfinished(Some(count.state))
        };
        counts
            .iter()
            .filter(of_server)
            .map(|count| count.count)
            .sum()
    };
    let named = masters
        .servers
        .iter()
        .filter(|server| server.is_persistent() && unfinished(server) > 0);
    named
        .map(|server| {
            let refusal = registered(server, None);
            format!(
                "{} unfinished instances left alone: {refusal}; {}",
                unfinished(server),
                refusal.hint()
            )
        })
        .collect()
}

/// A note about a master that is failed over while none at all is registered.
pub(crate) fn about_no_masters(view: &RegistryView, address: &Address) -> Option<String> {
    view.masters.prove_nothing().then(|| {
        format!(
            "no master is registered, so nothing proves that {address} is dead: make sure that no \
             master of this cluster runs, and that --registry, --zk and --namespace are right"
        )
    })
}

/// The instances of a master that may be failed over, and the others, judged by its registration in
/// a fresh view: without one, all may.
///
/// # Errors
/// [`Refusal::MasterRegistered`], [`Refusal::NoTimeZone`].
pub(crate) fn select(
    cluster: &Cluster,
    rules: &Rules,
    registration: Option<&Registration>,
    instances: Vec<Instance>,
) -> Result<(Vec<Instance>, Vec<Instance>), Refusal> {
    let Some(registration) = registration else {
        return Ok((instances, Vec::new()));
    };
    let zone = cluster.zone.as_ref();
    let is_older = |instance: &Instance| {
        judge::began_before(instance, cluster.store.release().family, registration, zone)
            == Some(true)
    };
    if !rules.allow_restarted {
        let known = zone.is_some() && registration.started(zone).is_some();
        let older = known.then(|| {
            instances
                .iter()
                .filter(|instance| is_older(instance))
                .count()
        });
        return Err(registered(registration, older));
    }
    if zone.is_none() {
        return Err(Refusal::NoTimeZone(registration.address.clone()));
    }
    Ok(instances.into_iter().partition(is_older))
}

/// Looks again, right before a COMMIT: a master that has registered since `view` may go on with its
/// instances. If no master is registered any more, or the parent node is gone, nothing proves that
/// it has not.
///
/// # Errors
/// [`Refusal::MasterRegistered`] and those of [`check_registry`], or errors of the registry.
pub(crate) async fn ensure_still_away(
    cluster: &mut Cluster,
    rules: &Rules,
    view: &RegistryView,
    address: &Address,
) -> Result<(), FailoverError> {
    if view.masters.find(address).is_some() {
        return Ok(());
    }
    let masters = look_once(cluster, rules).await?;
    masters.find(address).map_or(Ok(()), |registration| {
        Err(registered(registration, None).into())
    })
}

/// The refusal for a registered master; `older` of its instances are older than its registration,
/// if known.
pub(crate) fn registered(registration: &Registration, older: Option<usize>) -> Refusal {
    if registration.is_persistent() {
        let (address, node) = (registration.address.clone(), registration.node.clone());
        return Refusal::PersistentRegistration { address, node };
    }
    if registration.heartbeat.in_doubt {
        return Refusal::InDoubt(registration.address.clone());
    }
    Refusal::MasterRegistered {
        address: registration.address.clone(),
        node: registration.node.clone(),
        session: registration
            .session_id
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
        older,
    }
}

/// Masters whose unfinished instances no process works on, in order: named by instances, not
/// registered. Hosts that cannot be a master are returned separately.
#[must_use]
pub fn dead_hosts(
    counts: &[HostCount],
    view: &RegistryView,
    release: &Release,
) -> (Vec<Address>, Vec<String>) {
    let family = release.family;
    let claimed = |host: &str| matches!(family.claim, Claim::Host(text) if text == host);
    let hosts: BTreeSet<&str> = counts
        .iter()
        .filter(|count| family.is_unfinished(Some(count.state)))
        .filter_map(|count| count.host.as_deref())
        .filter(|host| !claimed(host))
        .collect();
    let mut dead = Vec::new();
    let mut strange = Vec::new();
    for host in hosts {
        match Address::typed(host, family.registry.address_form) {
            Ok(address) if view.masters.find(&address).is_none() => dead.push(address),
            Ok(_) => {}
            Err(_) => strange.push(host.to_owned()),
        }
    }
    (dead, strange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{FamilyId, by_id};
    use crate::model::Heartbeat;

    fn masters(address: &str, started_at: Option<Moment>) -> Registrations {
        let server = Registration {
            address: Address::seen(address),
            node: format!("/dolphinscheduler/nodes/master/{address}"),
            session_id: Some("0x1".to_owned()),
            created_at: None,
            modified_at: None,
            heartbeat: Heartbeat {
                started_at,
                ..Heartbeat::default()
            },
        };
        Registrations {
            parent_exists: true,
            parent: "/p".to_owned(),
            servers: vec![server],
            changes: None,
        }
    }

    fn check(masters: &Registrations, id: FamilyId) -> Result<(), Refusal> {
        check_registry(masters, by_id(id), ("zookeeper", "zk"), false)
    }

    #[test]
    fn a_wrong_place_is_refused() {
        let nowhere = Registrations::default();
        assert!(matches!(
            check(&nowhere, FamilyId::V3_1),
            Err(Refusal::NoMastersNode { .. })
        ));
        let empty = Registrations {
            parent_exists: true,
            ..Registrations::default()
        };
        let Err(refusal) = check(&empty, FamilyId::V3_1) else {
            panic!("an empty place")
        };
        assert!(refusal.hint().starts_with("check --registry, --zk"));
        // An operator without ZooKeeper is not asked to check it.
        let Err(refusal) = check_registry(&empty, by_id(FamilyId::V3_3), ("jdbc", "db"), false)
        else {
            panic!("empty")
        };
        assert!(
            refusal
                .hint()
                .starts_with("check which registry the masters are configured with")
        );
        assert!(check_registry(&empty, by_id(FamilyId::V3_1), ("zookeeper", "zk"), true).is_ok());
        // The danger flag is for missing masters, not for a missing place.
        assert!(
            check_registry(&nowhere, by_id(FamilyId::V3_1), ("zookeeper", "zk"), true).is_err()
        );
    }

    #[test]
    fn registrations_of_another_release_are_refused() {
        let local = Some(Moment::Local("2024-06-01T02:00:00".parse().unwrap()));
        let instant = Some(Moment::Instant("2024-06-01T02:00:00Z".parse().unwrap()));
        assert!(check(&masters("h:1", local), FamilyId::V1_3).is_ok());
        assert!(check(&masters("h:1", instant), FamilyId::V3_1).is_ok());
        assert!(check(&masters("h:1", None), FamilyId::V3_1).is_ok());
        assert!(matches!(
            check(&masters("h:1", local), FamilyId::V3_1),
            Err(Refusal::Contradiction(_))
        ));
        assert!(matches!(
            check(&masters("h:1", instant), FamilyId::V1_3),
            Err(Refusal::Contradiction(_))
        ));
        assert!(matches!(
            check(&masters("h", None), FamilyId::V1_3),
            Err(Refusal::Contradiction(_))
        ));
        assert!(matches!(
            check(&masters("h:1", local), FamilyId::V1_2),
            Err(Refusal::Contradiction(_))
        ));
    }

    #[test]
    fn a_payload_of_another_release_is_named() {
        let mut of_3_0 = masters("h:1", None);
        of_3_0.servers[0].heartbeat = payload::parse(
            b"0.0,0.11,0.01,112.17,64.0,0.3,1697613709943,1700214651099,0,26455,0,0,0",
        );
        let Err(Refusal::Contradiction(text)) = check(&of_3_0, FamilyId::V3_2) else {
            panic!("{of_3_0:?}")
        };
        assert!(
            text.contains("2.0.0 to 2.0.5 and 3.0") && text.contains("not of family 3.2"),
            "{text}"
        );
        assert!(check(&of_3_0, FamilyId::V3_0).is_ok());
    }

    #[test]
    fn a_registration_without_a_session_is_no_sign_of_life_and_none_of_death() {
        let mut copied = masters("h:1", None);
        copied.servers[0].session_id = None;
        let refusal = registered(&copied.servers[0], None);
        assert!(
            matches!(&refusal, Refusal::PersistentRegistration { .. })
                && refusal.hint().contains("delete /")
        );
    }
}
