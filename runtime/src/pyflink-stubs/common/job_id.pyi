from penstock.common.job_id import *
