-- What the change feed hears (src/portal/change-listener.ts): who changes what a page shows says so, whichever
-- process or hand it was. One announcement for each statement, and PostgreSQL drops equal ones of a transaction.

-- Announces up to 100 objects by their ids, more than that as "many".
CREATE FUNCTION announce_change(kind text, ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF cardinality(ids) > 100 THEN ids := NULL; ELSIF cardinality(ids) = 0 THEN RETURN; END IF;
	PERFORM pg_notify('sinter_changes', json_build_object('kind', kind, 'ids', ids)::text);
END $$;
--> statement-breakpoint
-- Not shown: observed_at, generation, vnc.
CREATE FUNCTION announce_vms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('vms', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('vms', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('vms', NULL);
	ELSE
		PERFORM announce_change('vms', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, group_label, cluster_id, host_id, is_bound_to_host, is_template, state, state_reason, cpu, memory, properties, os, params, guest FROM fresh
				EXCEPT SELECT id, name, description, group_label, cluster_id, host_id, is_bound_to_host, is_template, state, state_reason, cpu, memory, properties, os, params, guest FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_vms_insert AFTER INSERT ON "vms" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_vms();
--> statement-breakpoint
CREATE TRIGGER announce_vms_update AFTER UPDATE ON "vms" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_vms();
--> statement-breakpoint
CREATE TRIGGER announce_vms_delete AFTER DELETE ON "vms" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_vms();
--> statement-breakpoint
CREATE FUNCTION announce_nics() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('vms', NULL);
	ELSE
		PERFORM announce_change('vms', ARRAY(
			SELECT DISTINCT vm_id::text FROM (
				SELECT vm_id, index, name, mac, port_group_id, settings FROM fresh
				EXCEPT SELECT vm_id, index, name, mac, port_group_id, settings FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_nics_insert AFTER INSERT ON "nics" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_nics();
--> statement-breakpoint
CREATE TRIGGER announce_nics_update AFTER UPDATE ON "nics" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_nics();
--> statement-breakpoint
CREATE TRIGGER announce_nics_delete AFTER DELETE ON "nics" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_nics();
--> statement-breakpoint
CREATE FUNCTION announce_attachments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('vms', ARRAY(SELECT DISTINCT vm_id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('vms', NULL);
	ELSE
		PERFORM announce_change('vms', ARRAY(
			SELECT DISTINCT vm_id::text FROM (
				SELECT vm_id, volume_id, bus, slot FROM fresh
				EXCEPT SELECT vm_id, volume_id, bus, slot FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_attachments_insert AFTER INSERT ON "attachments" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_attachments();
--> statement-breakpoint
CREATE TRIGGER announce_attachments_update AFTER UPDATE ON "attachments" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_attachments();
--> statement-breakpoint
CREATE TRIGGER announce_attachments_delete AFTER DELETE ON "attachments" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_attachments();
--> statement-breakpoint
-- Not compared: last_seen_at, a heartbeat.
CREATE FUNCTION announce_hosts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('hosts', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('hosts', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('hosts', NULL);
	ELSE
		PERFORM announce_change('hosts', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, cluster_id, address, status, status_reason, is_maintaining, settings, report FROM fresh
				EXCEPT SELECT id, name, description, cluster_id, address, status, status_reason, is_maintaining, settings, report FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_hosts_insert AFTER INSERT ON "hosts" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_hosts_update AFTER UPDATE ON "hosts" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_hosts_delete AFTER DELETE ON "hosts" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_hosts();
--> statement-breakpoint
CREATE FUNCTION announce_clusters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('clusters', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('clusters', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('clusters', NULL);
	ELSE
		PERFORM announce_change('clusters', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, tag, settings FROM fresh
				EXCEPT SELECT id, name, description, tag, settings FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_clusters_insert AFTER INSERT ON "clusters" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_clusters();
--> statement-breakpoint
CREATE TRIGGER announce_clusters_update AFTER UPDATE ON "clusters" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_clusters();
--> statement-breakpoint
CREATE TRIGGER announce_clusters_delete AFTER DELETE ON "clusters" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_clusters();
--> statement-breakpoint
-- Not compared: free_bytes and refreshed_at, which move all the time.
CREATE FUNCTION announce_datastores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('datastores', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('datastores', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('datastores', NULL);
	ELSE
		PERFORM announce_change('datastores', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, kind, path, status, thin_rate, capacity_bytes FROM fresh
				EXCEPT SELECT id, name, description, kind, path, status, thin_rate, capacity_bytes FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_datastores_insert AFTER INSERT ON "datastores" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_datastores();
--> statement-breakpoint
CREATE TRIGGER announce_datastores_update AFTER UPDATE ON "datastores" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_datastores();
--> statement-breakpoint
CREATE TRIGGER announce_datastores_delete AFTER DELETE ON "datastores" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_datastores();
--> statement-breakpoint
-- Not compared: observed_at, a heartbeat.
CREATE FUNCTION announce_datastore_hosts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('datastores', ARRAY(SELECT DISTINCT datastore_id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('datastores', ARRAY(SELECT DISTINCT datastore_id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('datastores', NULL);
	ELSE
		PERFORM announce_change('datastores', ARRAY(
			SELECT DISTINCT datastore_id::text FROM (
				SELECT datastore_id, host_id, state, reason FROM fresh
				EXCEPT SELECT datastore_id, host_id, state, reason FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_datastore_hosts_insert AFTER INSERT ON "datastore_hosts" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_datastore_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_datastore_hosts_update AFTER UPDATE ON "datastore_hosts" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_datastore_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_datastore_hosts_delete AFTER DELETE ON "datastore_hosts" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_datastore_hosts();
--> statement-breakpoint
-- Not compared: allocated_bytes, a statistic.
CREATE FUNCTION announce_volumes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('volumes', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('volumes', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('volumes', NULL);
	ELSE
		PERFORM announce_change('volumes', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, datastore_id, size_bytes, provisioning, format, is_shared, is_independent, is_persistent, status, io_limits, origin, custom_properties FROM fresh
				EXCEPT SELECT id, name, datastore_id, size_bytes, provisioning, format, is_shared, is_independent, is_persistent, status, io_limits, origin, custom_properties FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_volumes_insert AFTER INSERT ON "volumes" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_volumes();
--> statement-breakpoint
CREATE TRIGGER announce_volumes_update AFTER UPDATE ON "volumes" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_volumes();
--> statement-breakpoint
CREATE TRIGGER announce_volumes_delete AFTER DELETE ON "volumes" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_volumes();
--> statement-breakpoint
CREATE FUNCTION announce_switches() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('switches', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('switches', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('switches', NULL);
	ELSE
		PERFORM announce_change('switches', ARRAY(
			SELECT id::text FROM (
				SELECT id, name, description, mtu, covers_all_hosts, vlan_pools FROM fresh
				EXCEPT SELECT id, name, description, mtu, covers_all_hosts, vlan_pools FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_switches_insert AFTER INSERT ON "switches" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_switches();
--> statement-breakpoint
CREATE TRIGGER announce_switches_update AFTER UPDATE ON "switches" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_switches();
--> statement-breakpoint
CREATE TRIGGER announce_switches_delete AFTER DELETE ON "switches" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_switches();
--> statement-breakpoint
CREATE FUNCTION announce_switch_hosts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('switches', ARRAY(SELECT DISTINCT switch_id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('switches', ARRAY(SELECT DISTINCT switch_id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('switches', NULL);
	ELSE
		PERFORM announce_change('switches', ARRAY(
			SELECT DISTINCT switch_id::text FROM (
				SELECT switch_id, host_id, uplinks, applied_generation, reason FROM fresh
				EXCEPT SELECT switch_id, host_id, uplinks, applied_generation, reason FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_switch_hosts_insert AFTER INSERT ON "switch_hosts" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_switch_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_switch_hosts_update AFTER UPDATE ON "switch_hosts" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_switch_hosts();
--> statement-breakpoint
CREATE TRIGGER announce_switch_hosts_delete AFTER DELETE ON "switch_hosts" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_switch_hosts();
--> statement-breakpoint
CREATE FUNCTION announce_port_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('portGroups', ARRAY(SELECT switch_id || ':' || id FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('portGroups', ARRAY(SELECT switch_id || ':' || id FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('portGroups', NULL);
	ELSE
		PERFORM announce_change('portGroups', ARRAY(
			SELECT DISTINCT switch_id || ':' || id FROM (
				SELECT id, switch_id, name, description, kind, vlan_id, vlan_range, settings FROM fresh
				EXCEPT SELECT id, switch_id, name, description, kind, vlan_id, vlan_range, settings FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_port_groups_insert AFTER INSERT ON "port_groups" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_port_groups();
--> statement-breakpoint
CREATE TRIGGER announce_port_groups_update AFTER UPDATE ON "port_groups" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_port_groups();
--> statement-breakpoint
CREATE TRIGGER announce_port_groups_delete AFTER DELETE ON "port_groups" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_port_groups();
--> statement-breakpoint
-- Not compared: epoch, which is the engine's own. Steps change together with their task.
CREATE FUNCTION announce_task_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		PERFORM announce_change('tasks', ARRAY(SELECT id::text FROM fresh LIMIT 101));
	ELSIF TG_OP = 'DELETE' THEN
		PERFORM announce_change('tasks', ARRAY(SELECT id::text FROM gone LIMIT 101));
	ELSIF (SELECT count(*) FROM (SELECT FROM fresh LIMIT 1001) AS few) > 1000 THEN
		-- Comparing would cost more than looking at all of them once.
		PERFORM announce_change('tasks', NULL);
	ELSE
		PERFORM announce_change('tasks', ARRAY(
			SELECT id::text FROM (
				SELECT id, state, progress, current_step, message, is_cancellable, no_return, reason, stuck_reason, cancel_requested_at FROM fresh
				EXCEPT SELECT id, state, progress, current_step, message, is_cancellable, no_return, reason, stuck_reason, cancel_requested_at FROM gone
			) AS changed LIMIT 101));
	END IF;
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_task_tasks_insert AFTER INSERT ON "task_tasks" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_task_tasks();
--> statement-breakpoint
CREATE TRIGGER announce_task_tasks_update AFTER UPDATE ON "task_tasks" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_task_tasks();
--> statement-breakpoint
CREATE TRIGGER announce_task_tasks_delete AFTER DELETE ON "task_tasks" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_task_tasks();
--> statement-breakpoint
CREATE FUNCTION announce_sites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		PERFORM FROM (SELECT id, name, description FROM fresh
				EXCEPT SELECT id, name, description FROM gone) AS changed;
		IF NOT FOUND THEN RETURN NULL; END IF;
	END IF;
	PERFORM pg_notify('sinter_changes', '{"kind":"sites","ids":null}');
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_sites_insert AFTER INSERT ON "sites" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_sites();
--> statement-breakpoint
CREATE TRIGGER announce_sites_update AFTER UPDATE ON "sites" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_sites();
--> statement-breakpoint
CREATE TRIGGER announce_sites_delete AFTER DELETE ON "sites" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_sites();
--> statement-breakpoint
CREATE FUNCTION announce_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		PERFORM FROM (SELECT id, name, status, roles, must_change_password, email, contact, description, sessions_max, locked_until FROM fresh
				EXCEPT SELECT id, name, status, roles, must_change_password, email, contact, description, sessions_max, locked_until FROM gone) AS changed;
		IF NOT FOUND THEN RETURN NULL; END IF;
	END IF;
	PERFORM pg_notify('sinter_changes', '{"kind":"users","ids":null}');
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_users_insert AFTER INSERT ON "users" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_users();
--> statement-breakpoint
CREATE TRIGGER announce_users_update AFTER UPDATE ON "users" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_users();
--> statement-breakpoint
CREATE TRIGGER announce_users_delete AFTER DELETE ON "users" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_users();
--> statement-breakpoint
CREATE FUNCTION announce_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		PERFORM FROM (SELECT name, description, rights FROM fresh
				EXCEPT SELECT name, description, rights FROM gone) AS changed;
		IF NOT FOUND THEN RETURN NULL; END IF;
	END IF;
	PERFORM pg_notify('sinter_changes', '{"kind":"roles","ids":null}');
	RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER announce_roles_insert AFTER INSERT ON "roles" REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_roles();
--> statement-breakpoint
CREATE TRIGGER announce_roles_update AFTER UPDATE ON "roles" REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION announce_roles();
--> statement-breakpoint
CREATE TRIGGER announce_roles_delete AFTER DELETE ON "roles" REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION announce_roles();
