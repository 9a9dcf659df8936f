from penstock.common.job_status import *
