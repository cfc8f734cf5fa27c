CREATE SEQUENCE "public"."object_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "audit_head" (
	"id" integer PRIMARY KEY,
	"sequence" bigint NOT NULL,
	"hash" text NOT NULL,
	"seal" text NOT NULL,
	"last_journal" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_records" (
	"sequence" bigint PRIMARY KEY,
	"at" timestamp with time zone NOT NULL,
	"user_name" text NOT NULL,
	"client_address" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"status" integer NOT NULL,
	"error_code" text DEFAULT '' NOT NULL,
	"task_urn" text DEFAULT '' NOT NULL,
	"previous_hash" text NOT NULL,
	"hash" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "clusters" (
	"id" bigint PRIMARY KEY,
	"name" text NOT NULL CONSTRAINT "clusters_name_unique" UNIQUE,
	"description" text DEFAULT '' NOT NULL,
	"tag" text DEFAULT '' NOT NULL,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "nics" (
	"vm_id" bigint,
	"index" integer,
	"uuid" uuid NOT NULL,
	"name" text NOT NULL,
	"mac" text NOT NULL CONSTRAINT "nics_mac_unique" UNIQUE,
	"port_group_id" bigint NOT NULL,
	"settings" jsonb NOT NULL,
	CONSTRAINT "nics_pkey" PRIMARY KEY("vm_id","index")
);
--> statement-breakpoint
CREATE TABLE "vms" (
	"id" bigint PRIMARY KEY,
	"uuid" uuid NOT NULL CONSTRAINT "vms_uuid_unique" UNIQUE,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"group_label" text DEFAULT '' NOT NULL,
	"external_uuid" text DEFAULT '' NOT NULL,
	"cluster_id" bigint,
	"host_id" bigint,
	"is_bound_to_host" boolean DEFAULT false NOT NULL,
	"is_template" boolean DEFAULT false NOT NULL,
	"state" text NOT NULL,
	"state_reason" text DEFAULT '' NOT NULL,
	"cpu" jsonb NOT NULL,
	"memory" jsonb NOT NULL,
	"properties" jsonb NOT NULL,
	"os" jsonb NOT NULL,
	"vnc_password" text NOT NULL,
	"params" jsonb DEFAULT '{}' NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"guest" jsonb,
	"vnc" jsonb,
	"observed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "join_tokens" (
	"id" text PRIMARY KEY,
	"secret_hash" text NOT NULL,
	"cluster_id" bigint,
	"rejoining_host_id" bigint,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"used_by_host" uuid
);
--> statement-breakpoint
CREATE TABLE "host_cleanups" (
	"id" bigserial PRIMARY KEY,
	"host_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"object_uuid" uuid NOT NULL,
	"datastore_id" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "hosts" (
	"id" bigint PRIMARY KEY,
	"uuid" uuid NOT NULL CONSTRAINT "hosts_uuid_unique" UNIQUE,
	"cluster_id" bigint,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"address" text NOT NULL,
	"port" integer NOT NULL,
	"status" text DEFAULT 'initial' NOT NULL,
	"status_reason" text DEFAULT '' NOT NULL,
	"is_maintaining" boolean DEFAULT false NOT NULL,
	"report" jsonb NOT NULL,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"certificate_not_after" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone,
	"status_since" timestamp with time zone DEFAULT now() NOT NULL,
	"joined_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "password_history" (
	"user_id" uuid NOT NULL,
	"password_hash" text NOT NULL,
	"replaced_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "roles" (
	"name" text PRIMARY KEY,
	"description" text DEFAULT '' NOT NULL,
	"rights" text[] NOT NULL,
	"is_built_in" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"token_hash" text PRIMARY KEY,
	"user_id" uuid NOT NULL,
	"client_address" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY,
	"name" text NOT NULL,
	"name_key" text NOT NULL CONSTRAINT "users_name_unique" UNIQUE,
	"type" text DEFAULT 'local' NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"password_hash" text NOT NULL,
	"must_change_password" boolean DEFAULT false NOT NULL,
	"password_changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"roles" text[] NOT NULL,
	"email" text DEFAULT '' NOT NULL,
	"contact" text DEFAULT '' NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"sessions_max" integer DEFAULT 0 NOT NULL,
	"failed_logins" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp with time zone,
	"is_built_in" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "port_groups" (
	"id" bigint PRIMARY KEY,
	"switch_id" bigint NOT NULL,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"kind" text NOT NULL,
	"vlan_id" integer DEFAULT 0 NOT NULL,
	"vlan_range" text DEFAULT '' NOT NULL,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"created_by" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "switch_hosts" (
	"switch_id" bigint,
	"host_id" bigint,
	"uplinks" text[] NOT NULL,
	"applied_generation" bigint DEFAULT 0 NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	CONSTRAINT "switch_hosts_pkey" PRIMARY KEY("switch_id","host_id")
);
--> statement-breakpoint
CREATE TABLE "switches" (
	"id" bigint PRIMARY KEY,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"mtu" integer DEFAULT 1500 NOT NULL,
	"covers_all_hosts" boolean DEFAULT false NOT NULL,
	"vlan_pools" jsonb DEFAULT '[]' NOT NULL,
	"generation" bigint DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"key" text PRIMARY KEY,
	"value" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sites" (
	"id" text PRIMARY KEY,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "datastore_hosts" (
	"datastore_id" bigint,
	"host_id" bigint,
	"state" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"observed_at" timestamp with time zone,
	CONSTRAINT "datastore_hosts_pkey" PRIMARY KEY("datastore_id","host_id")
);
--> statement-breakpoint
CREATE TABLE "datastores" (
	"id" bigint PRIMARY KEY,
	"name" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"kind" text NOT NULL,
	"path" text NOT NULL,
	"status" text NOT NULL,
	"thin_rate" integer DEFAULT 100 NOT NULL,
	"marker_id" text,
	"capacity_bytes" bigint DEFAULT 0 NOT NULL,
	"free_bytes" bigint DEFAULT 0 NOT NULL,
	"refreshed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "attachments" (
	"volume_id" bigint,
	"vm_id" bigint,
	"bus" text NOT NULL,
	"slot" integer NOT NULL,
	CONSTRAINT "attachments_pkey" PRIMARY KEY("volume_id","vm_id"),
	CONSTRAINT "attachments_slot_unique" UNIQUE("vm_id","bus","slot")
);
--> statement-breakpoint
CREATE TABLE "volumes" (
	"id" bigint PRIMARY KEY,
	"uuid" uuid NOT NULL CONSTRAINT "volumes_uuid_unique" UNIQUE,
	"name" text NOT NULL,
	"datastore_id" bigint NOT NULL,
	"size_bytes" bigint NOT NULL,
	"allocated_bytes" bigint DEFAULT 0 NOT NULL,
	"provisioning" text NOT NULL,
	"format" text NOT NULL,
	"is_shared" boolean DEFAULT false NOT NULL,
	"is_independent" boolean DEFAULT false NOT NULL,
	"is_persistent" boolean DEFAULT true NOT NULL,
	"status" text NOT NULL,
	"io_limits" jsonb NOT NULL,
	"origin" jsonb,
	"custom_properties" jsonb DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "audit_records_at" ON "audit_records" ("at");--> statement-breakpoint
CREATE INDEX "audit_records_user" ON "audit_records" ("user_name");--> statement-breakpoint
CREATE INDEX "nics_port_group" ON "nics" ("port_group_id");--> statement-breakpoint
CREATE INDEX "vms_host" ON "vms" ("host_id");--> statement-breakpoint
CREATE INDEX "vms_cluster" ON "vms" ("cluster_id");--> statement-breakpoint
CREATE INDEX "vms_name" ON "vms" ("name");--> statement-breakpoint
CREATE INDEX "vms_state" ON "vms" ("state");--> statement-breakpoint
CREATE INDEX "host_cleanups_host" ON "host_cleanups" ("host_id");--> statement-breakpoint
CREATE INDEX "hosts_cluster" ON "hosts" ("cluster_id");--> statement-breakpoint
CREATE INDEX "password_history_user" ON "password_history" ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_expiry" ON "sessions" ("expires_at");--> statement-breakpoint
CREATE INDEX "port_groups_switch" ON "port_groups" ("switch_id");--> statement-breakpoint
CREATE INDEX "attachments_vm" ON "attachments" ("vm_id");--> statement-breakpoint
CREATE INDEX "volumes_datastore" ON "volumes" ("datastore_id");--> statement-breakpoint
ALTER TABLE "nics" ADD CONSTRAINT "nics_vm_id_vms_id_fkey" FOREIGN KEY ("vm_id") REFERENCES "vms"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "nics" ADD CONSTRAINT "nics_port_group_id_port_groups_id_fkey" FOREIGN KEY ("port_group_id") REFERENCES "port_groups"("id");--> statement-breakpoint
ALTER TABLE "vms" ADD CONSTRAINT "vms_cluster_id_clusters_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id");--> statement-breakpoint
ALTER TABLE "vms" ADD CONSTRAINT "vms_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id");--> statement-breakpoint
ALTER TABLE "join_tokens" ADD CONSTRAINT "join_tokens_cluster_id_clusters_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "join_tokens" ADD CONSTRAINT "join_tokens_rejoining_host_id_hosts_id_fkey" FOREIGN KEY ("rejoining_host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "host_cleanups" ADD CONSTRAINT "host_cleanups_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "hosts" ADD CONSTRAINT "hosts_cluster_id_clusters_id_fkey" FOREIGN KEY ("cluster_id") REFERENCES "clusters"("id");--> statement-breakpoint
ALTER TABLE "password_history" ADD CONSTRAINT "password_history_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "port_groups" ADD CONSTRAINT "port_groups_switch_id_switches_id_fkey" FOREIGN KEY ("switch_id") REFERENCES "switches"("id");--> statement-breakpoint
ALTER TABLE "switch_hosts" ADD CONSTRAINT "switch_hosts_switch_id_switches_id_fkey" FOREIGN KEY ("switch_id") REFERENCES "switches"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "switch_hosts" ADD CONSTRAINT "switch_hosts_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "datastore_hosts" ADD CONSTRAINT "datastore_hosts_datastore_id_datastores_id_fkey" FOREIGN KEY ("datastore_id") REFERENCES "datastores"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "datastore_hosts" ADD CONSTRAINT "datastore_hosts_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "attachments" ADD CONSTRAINT "attachments_volume_id_volumes_id_fkey" FOREIGN KEY ("volume_id") REFERENCES "volumes"("id");--> statement-breakpoint
ALTER TABLE "volumes" ADD CONSTRAINT "volumes_datastore_id_datastores_id_fkey" FOREIGN KEY ("datastore_id") REFERENCES "datastores"("id");