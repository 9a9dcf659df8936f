-- Argo CD health of Penstock's four kinds, and of objects that Apache's operator still has: one script for flink.apache.org/*.
-- Healthy: as wanted and working. Suspended: stopped as wanted. Progressing: on its way. Degraded: its owner has to look.
local hs = {}
local status = obj.status
local spec = obj.spec or {}

local function verdict(word, message)
  hs.status = word
  hs.message = message
  return hs
end

local function text(error)
  -- status.error is JSON with the sentence in it; a plain sentence stays as it is
  local found = string.match(error, '"message"%s*:%s*"(.-[^\\])"')
  return found or error
end

local function condition(kind)
  for _, held in ipairs((status or {}).conditions or {}) do
    if held.type == kind then return held end
  end
  return nil
end

if obj.metadata.deletionTimestamp ~= nil then
  return verdict("Progressing", "Being deleted")
end
if status == nil or next(status) == nil then
  return verdict("Progressing", "Waiting for the operator")
end

if obj.kind == "FlinkStateSnapshot" then
  local state = status.state or "TRIGGER_PENDING"
  if state == "COMPLETED" then return verdict("Healthy", status.path or "Completed") end
  if state == "FAILED" or state == "ABANDONED" then
    return verdict("Degraded", (status.error and text(status.error)) or ("The snapshot is " .. state))
  end
  return verdict("Progressing", (status.error and text(status.error)) or ("The snapshot is " .. state))
end

-- Our conditions say it, if they are about this generation; the operator of Apache writes Running alone.
local ready, degraded, progressing = condition("Ready"), condition("Degraded"), condition("Progressing")
if ready ~= nil then
  if ready.observedGeneration ~= nil and ready.observedGeneration ~= obj.metadata.generation then
    return verdict("Progressing", "Waiting for the operator to see the change")
  end
  if degraded ~= nil and degraded.status == "True" then
    return verdict("Degraded", degraded.reason .. ": " .. (degraded.message or ""))
  end
  if ready.status == "True" then
    if ready.reason == "Suspended" then return verdict("Suspended", ready.message) end
    -- a change that was seen and waits for its turn
    if progressing ~= nil and progressing.status == "True" then
      return verdict("Progressing", progressing.message or progressing.reason)
    end
    return verdict("Healthy", ready.message)
  end
  if (status.jobStatus or {}).state == "CANCELED" and status.lifecycleState == "STABLE" then
    return verdict("Degraded", "The job was cancelled from outside")
  end
  return verdict("Progressing", (progressing and progressing.message) or ready.message)
end

if status.error ~= nil and status.error ~= "" then
  return verdict("Degraded", text(status.error))
end

if obj.kind == "FlinkBlueGreenDeployment" then
  local state = status.blueGreenState or "INITIALIZING_BLUE"
  if state ~= "ACTIVE_BLUE" and state ~= "ACTIVE_GREEN" then return verdict("Progressing", state) end
  local job = (status.jobStatus or {}).state
  if job == "RUNNING" or job == "FINISHED" then return verdict("Healthy", state) end
  if job == "FAILED" then return verdict("Degraded", "The job is FAILED") end
  return verdict("Progressing", "The job is " .. (job or "not known"))
end

local life = status.lifecycleState or "CREATED"
local job = (status.jobStatus or {}).state
if life == "FAILED" or life == "ROLLED_BACK" or (life ~= "UPGRADING" and job == "FAILED") then
  return verdict("Degraded", "The resource is " .. life)
end
if spec.job ~= nil and spec.job.state == "suspended" and (life == "SUSPENDED" or life == "CREATED") then
  return verdict("Suspended", "The job is suspended") -- upstream never reconciles one that was created so
end
if life == "STABLE" then
  local manager = status.jobManagerDeploymentStatus
  if spec.job == nil then
    if manager == "READY" then return verdict("Healthy", "The session cluster is ready") end
    return verdict("Progressing", "The JobManager is " .. (manager or "MISSING"))
  end
  if job == "RUNNING" or job == "FINISHED" then return verdict("Healthy", "The job is " .. job) end
  return verdict("Progressing", "The job is " .. (job or "not known"))
end
return verdict("Progressing", "The resource is " .. life)
