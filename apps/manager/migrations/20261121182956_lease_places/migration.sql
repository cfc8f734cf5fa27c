CREATE TABLE "lease_places" (
	"host_uuid" uuid PRIMARY KEY,
	"place" integer NOT NULL CONSTRAINT "lease_places_place_unique" UNIQUE,
	"given_at" timestamp with time zone DEFAULT now() NOT NULL
);
