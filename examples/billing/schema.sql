-- What the billing service keeps. Only `information` and `queries` hold company information.

CREATE TABLE IF NOT EXISTS information (
    company TEXT PRIMARY KEY,
    company_name TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    payment_information TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS queries (
    id INTEGER PRIMARY KEY,
    company TEXT NOT NULL,
    query TEXT NOT NULL,
    ip_address TEXT
);

CREATE TABLE IF NOT EXISTS contracts (
    company TEXT PRIMARY KEY
);

-- address: where orders are sent; bound: it signed to follow the relevant laws;
-- needs: what its contract needs, with spaces between.
CREATE TABLE IF NOT EXISTS carriers (
    id TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    bound INTEGER NOT NULL,
    needs TEXT NOT NULL
);

-- What is to be sent, in this order.
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    content TEXT NOT NULL
);

INSERT OR IGNORE INTO information VALUES
    ('acme', 'Acme Ltd', '+44 20 7946 0018', 'IBAN ending in 4711'),
    ('zeta', 'Zeta plc', '+44 20 7946 0042', 'IBAN ending in 0815');

INSERT OR IGNORE INTO queries VALUES
    (1, 'acme', 'tax number on invoice', '192.0.2.17'),
    (2, 'acme', 'second reminder', '192.0.2.18');

INSERT OR IGNORE INTO contracts VALUES ('acme');

INSERT OR IGNORE INTO carriers VALUES
    ('swift', 'https://swift.example/orders', 1, 'company_name phone_number'),
    ('plain', 'http://plain.example/orders', 1, 'company_name phone_number'),
    ('loose', 'https://loose.example/orders', 0, 'company_name phone_number');
