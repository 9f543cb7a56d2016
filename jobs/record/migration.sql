-- From schema version 1, whose tables are called old_..., to the tables of version 2.
-- Version 1 did not record the question. Its units go to analyses called `migrated`, one for each model and endpoint.

INSERT INTO analyses (id, name, question)
SELECT number, CASE number WHEN 1 THEN 'migrated' ELSE 'migrated-' || number END,
       json_object('model', model, 'endpoint', endpoint)
FROM (SELECT row_number() OVER (ORDER BY min(id)) AS number, model, endpoint FROM old_runs GROUP BY model, endpoint);

CREATE TEMP TABLE analysis_of AS
SELECT r.id AS run, a.id AS analysis FROM old_runs r
JOIN analyses a ON a.question = json_object('model', r.model, 'endpoint', r.endpoint);

-- What the columns of version 2 need from a stored answer; NULL if it is damaged.
CREATE TEMP TABLE parsed AS
SELECT unit, json_extract(body, '$.usage.inputTokens') AS input_tokens,
       json_extract(body, '$.usage.outputTokens') AS output_tokens, json_extract(body, '$.stopReason') AS stop_reason,
       (SELECT max(id) FROM old_attempts t WHERE t.unit = n.unit AND outcome IN ('ok', 'incomplete')) AS attempt
FROM (SELECT unit, CAST(raw AS TEXT) AS body FROM old_answers) n WHERE json_valid(body);

INSERT INTO runs
SELECT id, run_id, started_at, analysis, NULL, ended_at, summary FROM old_runs JOIN analysis_of ON run = id;

INSERT INTO units
SELECT id, analysis, key, status, u.run, closed, owner, attempts, permanent, code, message
FROM old_units u JOIN analysis_of a ON a.run = u.run;

-- A document belongs to the analyses of its sections' units, and to that of the run that listed it last.
INSERT INTO documents (analysis, path, position, met, run, gone, format, bytes, sections, status, error)
SELECT a.analysis, path, position, met, run, gone, format, bytes, sections, status, error
FROM old_documents d JOIN (
    SELECT document, u.analysis FROM old_sections s JOIN units u ON u.id = s.unit
    UNION SELECT id, analysis FROM old_documents JOIN analysis_of m ON m.run = met
) a ON a.document = d.id;

INSERT INTO sections
SELECT u.analysis, s.id, d.id, s.position, unit, s.run, heading, place
FROM old_sections s JOIN units u ON u.id = unit JOIN old_documents o ON o.id = s.document
JOIN documents d ON d.path = o.path AND d.analysis = u.analysis;

INSERT INTO attempts (
    id, unit, run, opened_at, outcome, sent, latency, input_tokens, output_tokens, cost_usd, code, message, request_id
)
SELECT id, t.unit, run, opened_at, outcome, coalesce(outcome != 'cancelled', 1), latency, input_tokens, output_tokens,
       cost_usd, code, message, request_id
FROM old_attempts t LEFT JOIN parsed p ON p.attempt = t.id;

INSERT INTO answers
SELECT n.unit, n.run, CASE WHEN source = 'bedrock' AND r.endpoint = 'emulator' THEN 'emulator' ELSE source END,
       sha256, n.cost_usd, n.latency, coalesce(t.opened_at + t.latency, CAST(strftime('%s', r.started_at) AS REAL)),
       coalesce(p.output_tokens, 0),
       -- Its limit is not known, but an answer that was cut off is as long as the limit.
       CASE p.stop_reason WHEN 'max_tokens' THEN p.output_tokens END, raw
FROM old_answers n JOIN old_runs r ON r.id = n.run
LEFT JOIN parsed p ON p.unit = n.unit LEFT JOIN old_attempts t ON t.id = p.attempt;

DROP TABLE parsed;
DROP TABLE analysis_of;
