//! Registrations of masters and workers.

use futures::future::{join_all, try_join_all};
use jiff::Timestamp;
use zookeeper_client::{Error, Stat};

use super::names;
use super::session::Session;
use crate::family::{RegistryLayout, payload};
use crate::model::{AddressForm, Changes, Registration, Registrations};
use crate::registry::RegistryError;

/// How often the masters are read again if they change meanwhile.
const TRIES: u32 = 3;

/// All children of the masters' parent, including those with unusual names.
pub(super) async fn masters(
    session: &Session,
    layout: &RegistryLayout,
) -> Result<Registrations, RegistryError> {
    let parent = session.path(layout.masters);
    let mut tries = TRIES;
    loop {
        let Some((children, stat)) = listed(session, &parent).await? else {
            return Ok(Registrations {
                parent,
                ..Registrations::default()
            });
        };
        let nodes: Vec<String> = children.iter().map(|name| below(&parent, name)).collect();
        let expected = nodes.len();
        let (servers, newest) = registrations(session, nodes, layout.address_form).await?;
        tries -= 1;
        // A node came or went while the nodes were read: they do not match the count.
        let counted = servers.len() == expected && newest <= stat.pzxid;
        if counted || tries == 0 {
            let changes = counted.then_some(Changes {
                parent: stat.czxid,
                made_at_ms: stat.ctime,
                count: stat.cversion,
            });
            return Ok(Registrations {
                parent_exists: true,
                parent,
                servers,
                changes,
            });
        }
    }
}

/// The workers of all groups: a worker of 1.3 to 3.1.0 is registered in every group that it belongs
/// to.
pub(super) async fn workers(
    session: &Session,
    layout: &RegistryLayout,
) -> Result<Registrations, RegistryError> {
    let parent = session.path(layout.workers);
    let Some(children) = fresh_children(session, &parent).await? else {
        return Ok(Registrations {
            parent,
            ..Registrations::default()
        });
    };
    let (workers, groups): (Vec<String>, Vec<String>) = children
        .into_iter()
        .partition(|name| names::is_worker(name, layout.address_form));
    let [mut nodes, groups] = [workers, groups].map(|names| {
        let paths = names.iter().map(|name| below(&parent, name));
        paths.collect::<Vec<String>>()
    });
    nodes.extend(members(session, &groups).await?);
    let (mut servers, _) = registrations(session, nodes, layout.address_form).await?;
    // The name of a group may look like a server's; but a server's node is ephemeral.
    let like_servers = servers.iter().filter(|server| server.is_persistent());
    let like_servers: Vec<String> = like_servers.map(|server| server.node.clone()).collect();
    let nodes = members(session, &like_servers).await?;
    servers.extend(registrations(session, nodes, layout.address_form).await?.0);
    servers.sort_by(|a, b| (&a.address, &a.node).cmp(&(&b.address, &b.node)));
    Ok(Registrations {
        parent_exists: true,
        parent,
        servers,
        changes: None,
    })
}

/// The earlier read was synced, so this one is current, too.
async fn members(session: &Session, groups: &[String]) -> Result<Vec<String>, RegistryError> {
    let nodes = try_join_all(groups.iter().map(|group| async move {
        let children = children(session, group).await?.unwrap_or_default();
        Ok::<_, RegistryError>(
            children
                .iter()
                .map(|name| below(group, name))
                .collect::<Vec<_>>(),
        )
    }))
    .await?;
    Ok(nodes.concat())
}

/// Names of the children after a sync with the leader; `None` if the parent is absent.
pub(super) async fn fresh_children(
    session: &Session,
    parent: &str,
) -> Result<Option<Vec<String>>, RegistryError> {
    let answer = session
        .fresh(parent, || session.client().list_children(parent))
        .await;
    names_in(session, parent, answer)
}

/// Names of the children, possibly slightly outdated; `None` if the parent is absent.
pub(super) async fn children(
    session: &Session,
    parent: &str,
) -> Result<Option<Vec<String>>, RegistryError> {
    let answer = session
        .retried(|| session.client().list_children(parent))
        .await;
    names_in(session, parent, answer)
}

fn names_in(
    session: &Session,
    parent: &str,
    answer: Result<Vec<String>, Error>,
) -> Result<Option<Vec<String>>, RegistryError> {
    match answer {
        Ok(children) => Ok(Some(children)),
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(session.error(parent, &error)),
    }
}

/// Names of the children after a sync with the leader, and the parent's stat at the same moment;
/// `None` if it is absent.
async fn listed(
    session: &Session,
    parent: &str,
) -> Result<Option<(Vec<String>, Stat)>, RegistryError> {
    match session
        .fresh(parent, || session.client().get_children(parent))
        .await
    {
        Ok(children) => Ok(Some(children)),
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(session.error(parent, &error)),
    }
}

/// Data and stat of a node; `None` if it is gone.
pub(super) async fn node(
    session: &Session,
    path: &str,
) -> Result<Option<(Vec<u8>, Stat)>, RegistryError> {
    match session.retried(|| session.client().get_data(path)).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoNode) => Ok(None),
        Err(error) => Err(session.error(path, &error)),
    }
}

/// All requests are sent at once: a hundred nodes take one round trip. Also returns the newest
/// transaction that created one of them.
async fn registrations(
    session: &Session,
    nodes: Vec<String>,
    form: AddressForm,
) -> Result<(Vec<Registration>, i64), RegistryError> {
    let answers = join_all(nodes.into_iter().map(|path| async move {
        let found = node(session, &path).await?;
        Ok(found.map(|(data, stat)| (registration(path, &data, &stat, form), stat.czxid)))
    }))
    .await;
    let found: Result<Vec<Option<(Registration, i64)>>, RegistryError> =
        answers.into_iter().collect();
    let (mut servers, made): (Vec<Registration>, Vec<i64>) = found?.into_iter().flatten().unzip();
    servers.sort_by(|a, b| (&a.address, &a.node).cmp(&(&b.address, &b.node)));
    Ok((servers, made.into_iter().max().unwrap_or(i64::MIN)))
}

fn registration(node: String, data: &[u8], stat: &Stat, form: AddressForm) -> Registration {
    let name = node.rsplit('/').next().unwrap_or(&node);
    Registration {
        address: names::address(name, form),
        session_id: session_id(stat.ephemeral_owner),
        created_at: Timestamp::from_millisecond(stat.ctime).ok(),
        modified_at: Timestamp::from_millisecond(stat.mtime).ok(),
        heartbeat: payload::parse(data),
        node,
    }
}

/// In the format of ZooKeeper's own tools. A node that is not ephemeral has no owner: zero, or for
/// containers only the sign bit.
pub(super) fn session_id(owner: i64) -> Option<String> {
    (owner != 0 && owner != i64::MIN).then(|| format!("{owner:#x}"))
}

/// The path of a child.
pub(super) fn below(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_as_zookeeper_writes_them() {
        assert_eq!(
            session_id(0x0100_01c9_e3d6_0000).as_deref(),
            Some("0x10001c9e3d60000")
        );
        assert_eq!(session_id(-2).as_deref(), Some("0xfffffffffffffffe"));
        assert_eq!(session_id(0), None);
        assert_eq!(session_id(i64::MIN), None);
    }

    #[test]
    fn paths_of_children() {
        assert_eq!(below("/a/b", "c"), "/a/b/c");
        assert_eq!(below("/", "c"), "/c");
    }
}
