-- What the example expects in PostgreSQL: a source, and the schema of the targets.
-- psql "$DATABASE_URL" -f sql/seed.sql
CREATE SCHEMA IF NOT EXISTS crm;
CREATE SCHEMA IF NOT EXISTS reporting;

CREATE TABLE IF NOT EXISTS crm.airlines (
    carrier text PRIMARY KEY,
    name text NOT NULL
);

INSERT INTO crm.airlines (carrier, name) VALUES
    ('9E', 'Endeavor Air Inc.'),
    ('AA', 'American Airlines Inc.'),
    ('AS', 'Alaska Airlines Inc.'),
    ('B6', 'JetBlue Airways'),
    ('DL', 'Delta Air Lines Inc.'),
    ('EV', 'ExpressJet Airlines Inc.'),
    ('F9', 'Frontier Airlines Inc.'),
    ('FL', 'AirTran Airways Corporation'),
    ('HA', 'Hawaiian Airlines Inc.'),
    ('MQ', 'Envoy Air'),
    ('OO', 'SkyWest Airlines Inc.'),
    ('UA', 'United Air Lines Inc.'),
    ('US', 'US Airways Inc.'),
    ('VX', 'Virgin America'),
    ('WN', 'Southwest Airlines Co.'),
    ('YV', 'Mesa Airlines Inc.')
ON CONFLICT (carrier) DO UPDATE SET name = excluded.name;

CREATE TABLE IF NOT EXISTS reporting.carrier_daily (
    flight_date date NOT NULL,
    carrier text NOT NULL,
    airline text,
    flights bigint NOT NULL,
    cancelled bigint NOT NULL,
    mean_arr_delay_min double precision,
    PRIMARY KEY (flight_date, carrier)
);
